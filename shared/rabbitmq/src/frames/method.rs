//! The methods that a broker sends, and repairing the texts in them.

use super::field::{fields, long, short};
use super::{ProtocolViolation, printable::printable};
use crate::version::{self, Version};

/// What brokers send: class, methods, and their arguments in order. `o` is one byte (or up to eight flags), `h` two,
/// `l` four, `L` eight bytes, `s` a short and `S` a long text, `F` a table.
const METHODS: &[(u16, &[u16], &str)] = &[
    // connection: start, secure, tune, open-ok and blocked, close, close-ok and unblocked and update-secret-ok
    (10, &[10], "ooFSS"),
    (10, &[20], "S"),
    (10, &[30], "hlh"),
    (10, &[41, 60], "s"),
    (10, &[50], "hshh"),
    (10, &[51, 61, 71], ""),
    // channel: open-ok, flow and flow-ok, close, close-ok
    (20, &[11], "S"),
    (20, &[20, 21], "o"),
    (20, &[40], "hshh"),
    (20, &[41], ""),
    // access: request-ok
    (30, &[11], "h"),
    // exchange: declare-ok, delete-ok, bind-ok, unbind-ok
    (40, &[11, 21, 31, 51], ""),
    // queue: declare-ok, purge-ok and delete-ok, bind-ok and unbind-ok
    (50, &[11], "sll"),
    (50, &[31, 41], "l"),
    (50, &[21, 51], ""),
    // basic: qos-ok and recover-ok, consume-ok and cancel-ok and get-empty, cancel, return, deliver, get-ok, ack and nack
    (60, &[11, 111], ""),
    (60, &[21, 31, 72], "s"),
    (60, &[30], "so"),
    (60, &[50], "hsss"),
    (60, &[60], "sLoss"),
    (60, &[71], "Lossl"),
    (60, &[80, 120], "Lo"),
    // confirm: select-ok
    (85, &[11], ""),
    // tx: select-ok, commit-ok, rollback-ok
    (90, &[11, 21, 31], ""),
];

/// The broker's greeting.
const START: (u16, u16) = (10, 10);
/// What replaces a byte that is not UTF-8: one byte, so that the lengths stay true.
const INSTEAD: u8 = b'?';

/// Repairs the short texts in `payload`: names of exchanges and routing keys may be any bytes, and the broker cuts its
/// own explanations at 255 bytes, even within a character. Returns the version, when this is the greeting.
pub(super) fn repair(payload: &mut [u8]) -> Result<Option<Version>, ProtocolViolation> {
    let Some(&[a, b, c, d]) = payload.get(..4) else {
        return Err(ProtocolViolation("a method without its number".to_owned()));
    };
    let number = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let (class, method) = number;
    let found = METHODS.iter().find(|(of, methods, _)| *of == class && methods.contains(&method));
    let Some((_, _, arguments)) = found else {
        return Err(ProtocolViolation(format!("the method ({class}, {method}), which is not for clients")));
    };
    let cut = || ProtocolViolation(format!("the method ({class}, {method}) does not hold what it should"));
    let mut at = 4;
    for kind in arguments.bytes() {
        let rest = payload.get_mut(at..).ok_or_else(cut)?;
        at += match kind {
            b'o' => 1,
            b'h' => 2,
            b'l' => 4,
            b'L' => 8,
            b's' => {
                let length = short(rest).ok_or_else(cut)?.len();
                repair_text(&mut rest[1..=length]);
                1 + length
            }
            b'S' => 4 + long(rest).ok_or_else(cut)?.len(),
            _ => {
                let table = long(rest).ok_or_else(cut)?;
                if let Some((field, flaw)) = fields(table).find_map(|field| Some((field, field.flaw?))) {
                    let name = printable(field.name, 50);
                    return Err(ProtocolViolation(format!(
                        "the method ({class}, {method}) has field {name:?}, {flaw}"
                    )));
                }
                4 + table.len()
            }
        };
    }
    if at != payload.len() {
        return Err(cut());
    }
    Ok(if number == START { version::from_greeting(payload) } else { None })
}

fn repair_text(text: &mut [u8]) {
    let mut at = 0;
    while let Err(error) = std::str::from_utf8(&text[at..]) {
        let from = at + error.valid_up_to();
        let to = error.error_len().map_or(text.len(), |length| from + length);
        text[from..to].fill(INSTEAD);
        at = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_repaired_in_place() {
        let check = |text: &[u8], repaired: &[u8]| {
            let mut text = text.to_vec();
            repair_text(&mut text);
            assert_eq!(text, repaired);
        };
        check(b"", b"");
        check("r\u{fc}n".as_bytes(), "r\u{fc}n".as_bytes());
        check(b"\xff", b"?");
        check(b"a\xffb\xfe\xfdc", b"a?b??c");
        // Cut within a character.
        check(b"caf\xc3", b"caf?");
        check(b"\xe2\x82\xe2\x82\xac", "??\u{20ac}".as_bytes());
    }
}
