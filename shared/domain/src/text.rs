//! Text from outside, made safe for a line of a log, a mail or a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether `c` is seen as nothing and changes how the text around it is seen: a control character, or one that turns the
/// direction of text round or breaks lines. What joins letters and emoji is none of these.
pub fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}' | '\u{feff}'
    ) || c.is_control()
}

/// `text` on one line of at most `most` characters: what [is deceptive](is_deceptive) in it becomes a blank, and a text that is cut
/// ends with `…`. Text from outside could otherwise forge lines of a log, add headers to a mail, or take over a terminal.
pub fn one_line(text: &str, most: usize) -> String {
    let line: String = text.chars().map(|c| if is_deceptive(c) { ' ' } else { c }).collect();
    if line.chars().count() <= most {
        return line;
    }
    line.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Lines of `text` of which each character is seen: those that [are deceptive](is_deceptive), but for line breaks and tabs, are
/// written `\u202e`, which means the same character in a string of JSON.
pub fn plain_lines(text: &str) -> Cow<'_, str> {
    let is_odd = |c: char| is_deceptive(c) && !matches!(c, '\n' | '\t');
    if !text.contains(is_odd) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if is_odd(c) {
            // All of them have four digits at most.
            let _ = write!(plain, "\\u{:04x}", u32::from(c));
        } else {
            plain.push(c);
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_blanks_and_long_texts_are_cut() {
        assert_eq!(one_line("a\u{1b}[31m\r\nb", 20), "a [31m  b");
        assert_eq!(one_line("🚀🚀🚀🚀", 3), "🚀🚀…");
        assert_eq!(one_line("🚀🚀🚀", 3), "🚀🚀🚀");
    }

    #[test]
    fn no_character_turns_the_text_around_it() {
        let turned = "abc\u{202e}fed\u{2066}\u{200f}\u{2028}x";
        assert_eq!(one_line(turned, 20), "abc fed   x");
        assert_eq!(plain_lines(turned), r"abc\u202efed\u2066\u200f\u2028x");
        // What letters and emoji need stays: a joiner, a variation, a flag, a name in Hebrew.
        let fine = "👩\u{200d}🚀 ☠\u{fe0f} 🏴\u{e0067}\u{e007f} שלום\ta\n";
        assert!(matches!(plain_lines(fine), Cow::Borrowed(same) if same == fine));
    }

    #[test]
    fn lines_of_json_mean_the_same_when_they_are_plain() {
        let name = "a\u{202e}b\u{9b}c\u{7f}\u{1b}";
        let json = format!("[\n  {}\n]", serde_json::to_string(name).unwrap());
        let plain = plain_lines(&json);
        assert!(!plain.contains(|c: char| is_deceptive(c) && c != '\n'), "{plain}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&plain).unwrap(), [name]);
    }
}
