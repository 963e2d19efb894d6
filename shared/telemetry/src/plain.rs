//! What every line of the log goes through: no character from outside turns it round.

use std::fmt::Write as _;
use std::io::{self, Write};

use domain::is_deceptive;

/// Writes to `W` with the characters escaped that change the direction of text or break lines. Control characters are left alone: the
/// log has some of its own, and `tracing-subscriber` escapes those of others.
pub(crate) struct Plain<W>(pub(crate) W);

impl<W: Write> Write for Plain<W> {
    /// All or nothing: an event comes as one buffer.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(buf) {
            Ok(text) if text.contains(turns) => {
                let mut plain = String::with_capacity(text.len() + 8);
                for c in text.chars() {
                    if turns(c) {
                        // In JSON this means the same character.
                        let _ = write!(plain, "\\u{:04x}", u32::from(c));
                    } else {
                        plain.push(c);
                    }
                }
                self.0.write_all(plain.as_bytes())?;
            }
            _ => self.0.write_all(buf)?,
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn turns(c: char) -> bool {
    is_deceptive(c) && !c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_text_round_is_escaped_and_colours_stay() {
        let mut log = Plain(Vec::new());
        for line in ["\u{1b}[33mWARN\u{1b}[0m gave up abc\u{202e}fed\n", "שלום\n"] {
            assert_eq!(log.write(line.as_bytes()).unwrap(), line.len());
        }
        log.write_all(b"\xff\n").unwrap();
        assert_eq!(
            log.0,
            b"\x1b[33mWARN\x1b[0m gave up abc\\u202efed\n\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d\n\xff\n"
        );
    }
}
