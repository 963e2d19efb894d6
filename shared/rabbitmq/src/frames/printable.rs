//! Bytes that are not text, as people can read them. Different bytes give different texts, unless they are cut.

use std::fmt::Write as _;

/// `bytes` as text: UTF-8 as it is, but `\\` for a backslash; everything else as `\xff`. A longer text is cut after
/// `most` bytes, and ends with `…`.
pub(super) fn printable(bytes: &[u8], most: usize) -> String {
    let mut text = String::new();
    'all: for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            if char.is_control() || char == '\\' {
                text.extend(char.escape_default());
            } else {
                text.push(char);
            }
            if text.len() > most {
                break 'all;
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string never fails.
            let _ = write!(text, "\\x{byte:02x}");
        }
        if text.len() > most {
            break;
        }
    }
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_text_stays_text() {
        let check = |bytes: &[u8], most, text: &str| assert_eq!(printable(bytes, most), text);
        check(b"", 0, "");
        check("d\u{fc}nn\n".as_bytes(), 100, "d\u{fc}nn\\n");
        check(b"a\xff\xfe\0", 100, "a\\xff\\xfe\\u{0}");
        check(b"\\xff\xff\n\\n", 100, "\\\\xff\\xff\\n\\\\n");
        check(&[0xff; 100], 8, "\\xff\\xff…");
        check(&[b'a'; 100], 3, "aaa…");
        check(b"aaa", 3, "aaa");
        check("\u{fc}\u{fc}".as_bytes(), 3, "\u{fc}…");
    }
}
