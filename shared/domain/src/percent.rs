//! Percent-encoded parts of URLs.

/// Undoes percent-encoding. `None` when a `%` has no two hexadecimal digits, or for what is not UTF-8.
pub fn percent_decode(text: &str) -> Option<String> {
    let bytes: Vec<u8> = percent_encoding::percent_decode_str(text).collect();
    // The decoder leaves a % without digits as it is.
    let is_all_decoded = bytes.len() + 2 * text.matches('%').count() == text.len();
    String::from_utf8(bytes).ok().filter(|_| is_all_decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_decoded_whole_is() {
        for (text, decoded) in [
            ("plain", Some("plain")),
            ("", Some("")),
            ("a%20b%25", Some("a b%")),
            ("%c3%A9", Some("é")),
            ("100%", None),
            ("%2", None),
            ("%zz", None),
            ("%ff", None),
        ] {
            assert_eq!(percent_decode(text).as_deref(), decoded, "{text}");
        }
    }
}
