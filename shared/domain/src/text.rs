//! Text from outside, made safe to show.

/// `text` as one line of at most `most` characters, without control characters: it can neither forge a line of a log or a
/// mail, nor drive a terminal.
pub fn one_line(text: &str, most: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= most {
        return line;
    }
    line.chars().take(most.saturating_sub(1)).chain(['…']).collect()
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
}
