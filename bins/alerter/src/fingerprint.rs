//! Which letters have the same cause: a hash of what stays equal when the same thing goes wrong again.

use domain::DeadLetter;

/// The fingerprint of a letter: 32 hexadecimal digits over stage, class, code and the reason without
/// what changes from case to case (numbers, instants, ids, quoted texts).
pub fn fingerprint(letter: &DeadLetter) -> String {
    let stage = letter.stage.map_or("?", domain::StageName::as_str);
    let cause = format!("{stage}\n{}\n{}\n{}", letter.class, letter.code, outline(&letter.reason));
    format!("{:032x}", fnv1a_128(cause.as_bytes()))
}

/// The reason with every quoted text emptied, and every word that holds a digit or is a long hexadecimal
/// number replaced by `#`; a list of such words is one `#`, because its length changes too.
fn outline(reason: &str) -> String {
    let unquoted = without_quoted(reason);
    let mut words: Vec<_> = unquoted
        .split_whitespace()
        .map(|word| {
            let hexadecimal = word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            if hexadecimal || word.contains(|c: char| c.is_ascii_digit()) { "#" } else { word }
        })
        .collect();
    words.dedup_by(|word, before| *word == "#" && *before == "#");
    words.join(" ")
}

/// The text without what stands in double quotes, single quotes or backticks, up to the end where a cut
/// text does not close them. A backslash or doubling keeps a quote from closing; a single quote after a
/// letter is an apostrophe.
fn without_quoted(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut after_letter = false;
    while let Some(c) = chars.next() {
        kept.push(c);
        if matches!(c, '"' | '`') || (c == '\'' && !after_letter) {
            while let Some(inner) = chars.next() {
                match inner {
                    '\\' => drop(chars.next()),
                    _ if inner == c && chars.next_if_eq(&c).is_none() => break,
                    _ => {}
                }
            }
            kept.push(c);
        }
        after_letter = c.is_alphanumeric();
    }
    kept
}

/// FNV-1a with 128 bits (draft-eastlake-fnv): stable for ever, and wide enough that two causes do not
/// share a group by chance. Not for secrets.
pub(crate) fn fnv1a_128(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, &byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use domain::{StageName, timestamp};

    use super::*;

    fn letter(stage: StageName, code: &str, reason: &str) -> DeadLetter {
        DeadLetter::incident(stage, code, "x", reason, timestamp::from_text("2026-11-22T14:00:00Z").unwrap())
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a_128(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a_128(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }

    #[test]
    fn the_same_cause_has_the_same_fingerprint() {
        let check = |one: &str, other: &str| {
            let [one, other] =
                [one, other].map(|reason| fingerprint(&letter(StageName::Loader, "c", reason)));
            assert_eq!(one, other);
        };
        check("3 of 1000 coins of page 1 were rejected", "17 of 950 coins of page 2 were rejected");
        check("slot 2026-11-22T14:00:00Z failed", "slot 2026-11-22T15:00:00Z failed");
        check(r#"header x-page is "two", not a number"#, r#"header x-page is "a lot", not a number"#);
        check(r#"symbol "a\"b" is odd"#, r#"symbol "c\"d" is odd"#);
        check(r#"symbol "cut in the midd…"#, r#"symbol "elsewhere…"#);
        check("unknown field `fee`, expected `price`", "unknown field `sum`, expected `price`");
        check("cannot bind 'it''s' to a column", "cannot bind 'other' to a column");
        check("rows 1, 2, 3 were rejected", "rows 7 were rejected");
        check("message deadbeefcafe is lost", "message 0badf00d1234 is lost");
    }

    #[test]
    fn different_causes_have_different_fingerprints() {
        let base = letter(StageName::Loader, "c", "the checksum does not match");
        for other in [
            letter(StageName::Fetcher, "c", "the checksum does not match"),
            letter(StageName::Loader, "d", "the checksum does not match"),
            letter(StageName::Loader, "c", "the length does not match"),
            letter(StageName::Loader, "c", "the page's checksum does not match"),
            letter(StageName::Loader, "c", "the page's length isn't known"),
            DeadLetter { class: domain::Class::Poison, ..base.clone() },
            DeadLetter { stage: None, ..base.clone() },
        ] {
            assert_ne!(fingerprint(&base), fingerprint(&other), "{other:?}");
        }
    }
}
