//! A report as plain text: lines of up to 76 characters, apart from commands and words that are longer.

use super::LINE_CHARS;
use super::block::{Block, Report};
use domain::one_line;

/// The width of a line, as RFC 3676 advises.
const WIDTH: usize = 76;

/// Writes the blocks of `report`.
pub(crate) fn plain(report: &Report) -> String {
    let mut text = String::new();
    let mut is_after_heading = true;
    for block in &report.blocks {
        if !is_after_heading {
            text.push('\n');
        }
        is_after_heading = matches!(block, Block::Heading(_));
        match block {
            Block::Heading(heading) => {
                wrap(&mut text, ("", ""), heading);
                let width = one_line(heading, LINE_CHARS).chars().count().min(WIDTH);
                text.extend(std::iter::repeat_n('-', width).chain(['\n']));
            }
            Block::Text(sentences) => wrap(&mut text, ("", ""), sentences),
            Block::Points(points) => points.iter().for_each(|point| wrap(&mut text, ("* ", "  "), point)),
            Block::Facts(facts) => {
                let widest = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default() + 2;
                for (name, value) in facts {
                    let name = format!("{:widest$}", format!("{name}:"));
                    wrap(&mut text, (&name, &" ".repeat(widest)), value);
                }
            }
            Block::Quote(quote) => wrap(&mut text, ("> ", "> "), quote),
            Block::Link { does, url } => {
                wrap(&mut text, ("", ""), &format!("{does}:"));
                text.extend(["  ", &one_line(url, LINE_CHARS), "\n"]);
            }
            Block::Command { does, line } => {
                wrap(&mut text, ("", ""), &format!("{does}:"));
                text.extend(["  ", &one_line(line, LINE_CHARS), "\n"]);
            }
        }
    }
    text
}

/// Writes `words` in lines; the first begins with the one, the others with the other prefix.
fn wrap(text: &mut String, (first, next): (&str, &str), words: &str) {
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in one_line(words, LINE_CHARS).split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.extend([line.trim_end(), "\n"]);
            next.clone_into(&mut line);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    text.extend([line.trim_end(), "\n"]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(block: Block) -> String {
        plain(&Report { subject: String::new(), blocks: vec![block] })
    }

    #[test]
    fn lines_are_wrapped_between_words_and_commands_are_not() {
        let text = written(Block::Quote("word ".repeat(40)));
        assert!(text.lines().count() == 3 && text.lines().all(|line| line.starts_with("> ")), "{text}");
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        let long = "x".repeat(100);
        assert_eq!(written(Block::text(format!("a {long} b"))), format!("a\n{long}\nb\n"));
        let command = written(Block::Command { does: "Look", line: format!("look {long}") });
        assert_eq!(command, format!("Look:\n  look {long}\n"));
    }

    /// Nor can a line be forged.
    #[test]
    fn what_is_not_seen_is_left_out() {
        let text = written(Block::Points(vec!["a\u{202e}b\u{1b}[31m\r\nBcc: x".to_owned(), String::new()]));
        assert_eq!(text, "* a b [31m Bcc: x\n*\n");
    }
}
