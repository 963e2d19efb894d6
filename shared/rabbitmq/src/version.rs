//! The broker's version. It is in the greeting, the first frame on a connection, which lapin reads and does not pass on.

/// A version, without its patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u16,
    pub(crate) minor: u16,
}

impl Version {
    /// The first one in which a queue without a delivery limit has one of 20.
    pub(crate) const DEFAULT_DELIVERY_LIMIT: Self = Self { major: 4, minor: 0 };
}

/// The name and type of the field in the server's properties.
const FIELD: &[u8] = b"\x07versionS";

/// The version that the broker gives in `greeting`, if it does.
pub(crate) fn from_greeting(greeting: &[u8]) -> Option<Version> {
    let start = greeting.windows(FIELD.len()).position(|window| window == FIELD)? + FIELD.len();
    let (length, rest) = greeting.get(start..)?.split_first_chunk::<4>()?;
    let text = rest.get(..u32::from_be_bytes(*length) as usize)?;
    parse(std::str::from_utf8(text).ok()?)
}

/// "3.10.8", "4.1.0-beta.2".
fn parse(text: &str) -> Option<Version> {
    let mut numbers = text.split(['.', '-', '+']).map_while(|part| part.parse().ok());
    Some(Version { major: numbers.next()?, minor: numbers.next().unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_in_the_greeting() {
        let mut greeting = b"\0\x0a\0\x0a\0\x09....\x08platformS\0\0\0\x06Erlang".to_vec();
        assert_eq!(from_greeting(&greeting), None);
        greeting
            .extend_from_slice(b"\x07productS\0\0\0\x08RabbitMQ\x07versionS\0\0\0\x063.10.8\0\0\0\x05PLAIN");
        assert_eq!(from_greeting(&greeting), Some(Version { major: 3, minor: 10 }));
        let end = greeting.len() - 15;
        assert_eq!(from_greeting(&greeting[..end]), None, "cut");
    }

    #[test]
    fn odd_versions() {
        assert_eq!(parse("4.1.0-beta.2"), Some(Version { major: 4, minor: 1 }));
        assert_eq!(parse("5"), Some(Version { major: 5, minor: 0 }));
        assert_eq!(parse("next"), None);
        assert_eq!(from_greeting(&[0; 100]), None);
    }
}
