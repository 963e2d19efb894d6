//! Ids of letters as people write them: they come from outside, and may hold anything.

use domain::is_deceptive;

/// The id `id` as it is shown: what is not seen in it is written `\u001b`. [`read_name`] reads it back.
pub fn shown_name(id: &str) -> String {
    use std::fmt::Write;
    let mut shown = String::with_capacity(id.len());
    for c in id.chars() {
        if is_deceptive(c) {
            // All of them have four digits at most.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The id that `shown` means when no letter is called so itself: `\u001b` is the character that is not seen.
pub fn read_name(shown: &str) -> String {
    let mut id = String::with_capacity(shown.len());
    let mut rest = shown;
    while let Some((before, after)) = rest.split_once("\\u") {
        id.push_str(before);
        let digits = after.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let meant = digits.and_then(|digits| char::from_u32(u32::from_str_radix(digits, 16).ok()?));
        rest = if let Some(c) = meant.filter(|c| is_deceptive(*c)) {
            id.push(c);
            &after[4..]
        } else {
            id.push_str("\\u");
            after
        };
    }
    id + rest
}

/// The id `id` as an argument of a command in a shell: quoted, and after `--` when it looks like an option.
pub fn quoted_name(id: &str) -> String {
    let shown = shown_name(id);
    let before = if shown.starts_with('-') { "-- " } else { "" };
    format!("{before}'{}'", shown.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_shown() {
        for (id, shown) in [
            ("dead/loader/b/p1/c1", "dead/loader/b/p1/c1"),
            ("a\u{1b}[31m\r\nb\t\u{202e}c", r"a\u001b[31m\u000d\u000ab\u0009\u202ec"),
            (r"C:\users\u00e9", r"C:\users\u00e9"),
            ("ü\\u", "ü\\u"),
            ("\\u12", "\\u12"),
            ("\\uüüü", "\\uüüü"),
        ] {
            assert_eq!(shown_name(id), shown);
            assert_eq!(read_name(shown), id);
        }
        assert_eq!(quoted_name("it's"), r"'it'\''s'");
        assert_eq!(quoted_name("-x\n"), r"-- '-x\u000a'");
    }
}
