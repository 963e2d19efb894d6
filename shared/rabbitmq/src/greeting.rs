//! The broker's greeting: the first frame on a connection, which says its version. lapin reads it and
//! tells nobody.

/// The first bytes of what a broker said, until its version is known.
#[derive(Debug, Default)]
pub(crate) struct Greeting {
    heard: Vec<u8>,
    version: Option<Version>,
}

/// A version as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub major: u16,
    pub minor: u16,
}

impl Version {
    /// The first one in which a queue without a delivery limit has one of 20.
    pub const DEFAULT_DELIVERY_LIMIT: Self = Self { major: 4, minor: 0 };
}

/// The name and type of the field in the server's properties.
const FIELD: &[u8] = b"\x07versionS";
/// Greetings have some 500 bytes.
const LONGEST: usize = 16 * 1024;

impl Greeting {
    /// Hears what the broker says next.
    pub fn hear(&mut self, bytes: &[u8]) {
        if self.version.is_some() || self.heard.len() > LONGEST {
            return;
        }
        self.heard.extend_from_slice(bytes);
        self.version = find(&self.heard);
        if self.version.is_some() {
            self.heard = Vec::new();
        }
    }

    /// The version that the broker gave, if it did.
    pub fn version(&self) -> Option<Version> {
        self.version
    }
}

fn find(heard: &[u8]) -> Option<Version> {
    let start = heard.windows(FIELD.len()).position(|window| window == FIELD)? + FIELD.len();
    let (length, rest) = heard.get(start..)?.split_first_chunk::<4>()?;
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
    fn the_version_is_found_however_the_greeting_is_cut() {
        let mut greeting =
            b"\x01\0\0\0\0\x01\x32\0\x0a\0\x0a\0\x09....\x08platformS\0\0\0\x06Erlang".to_vec();
        greeting
            .extend_from_slice(b"\x07productS\0\0\0\x08RabbitMQ\x07versionS\0\0\0\x063.10.8\0\0\0\x05PLAIN");
        for cut in 0..greeting.len() {
            let mut heard = Greeting::default();
            heard.hear(&greeting[..cut]);
            heard.hear(&greeting[cut..]);
            assert_eq!(heard.version(), Some(Version { major: 3, minor: 10 }), "cut at {cut}");
        }
    }

    #[test]
    fn odd_versions() {
        assert_eq!(parse("4.1.0-beta.2"), Some(Version { major: 4, minor: 1 }));
        assert_eq!(parse("5"), Some(Version { major: 5, minor: 0 }));
        assert_eq!(parse("next"), None);
        let mut silent = Greeting::default();
        silent.hear(&[0; 100]);
        assert_eq!(silent.version(), None);
    }
}
