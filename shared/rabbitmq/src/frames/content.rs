//! Content headers: what lapin does not accept is left out, and shown in a note; the message arrives with the rest.

use domain::{MessageId, header};

use super::ProtocolViolation;
use super::field::{Field, fields, long, short};
use super::printable::printable;
use crate::message::is_of_the_broker;

/// The properties in the order of their flags, from the highest: `s` a short text, `F` a table, `o` a byte, `T` a
/// time. The two lowest flags mean nothing to brokers and lapin.
const PROPERTIES: [(&str, u8); 14] = [
    ("content-type", b's'),
    ("content-encoding", b's'),
    ("headers", b'F'),
    ("delivery-mode", b'o'),
    ("priority", b'o'),
    ("correlation-id", b's'),
    ("reply-to", b's'),
    ("expiration", b's'),
    ("message-id", b's'),
    ("timestamp", b'T'),
    ("type", b's'),
    ("user-id", b's'),
    ("app-id", b's'),
    ("cluster-id", b's'),
];
const HEADERS: usize = 2;
const MESSAGE_ID: usize = 8;
/// Class, weight and length of the body.
const FIXED_BYTES: usize = 12;
/// The flags behind that.
const FLAGS_BYTES: usize = 2;

/// How long the note is, and how much of it is about one value.
const NOTE_BYTES: usize = 4096;
const SHOWN_BYTES: usize = 200;

/// What to pass on in place of the content header `payload`, which may have `most` bytes; `None`: it is fine.
///
/// All that is readable is kept. An unreadable id becomes a readable one: always the same for the same id. The header
/// [`header::UNREADABLE`] says what was left out.
pub(super) fn rewritten(payload: &[u8], most: usize) -> Result<Option<Vec<u8>>, ProtocolViolation> {
    let Some(properties) = Properties::read(payload) else {
        return Err(ProtocolViolation("a content header without its flags".to_owned()));
    };
    if properties.is_fine() && payload.len() <= most { Ok(None) } else { Ok(Some(properties.rewrite(most))) }
}

/// The properties of a message: each as its bytes are, lengths included.
struct Properties<'a> {
    fixed: &'a [u8],
    readable: [Option<&'a [u8]>; PROPERTIES.len()],
    /// Texts that are not UTF-8, without their lengths.
    unreadable: Vec<(usize, &'a [u8])>,
    /// The property that is cut off, and all after it.
    cut: Option<usize>,
    /// The bytes from there on, or after the last property.
    rest: &'a [u8],
}

impl<'a> Properties<'a> {
    /// `None`: the payload is too short.
    fn read(payload: &'a [u8]) -> Option<Self> {
        let (fixed, rest) = payload.split_at_checked(FIXED_BYTES)?;
        let (flags, rest) = rest.split_first_chunk::<FLAGS_BYTES>()?;
        let flags = u16::from_be_bytes(*flags);
        let (readable, unreadable) = ([None; PROPERTIES.len()], Vec::new());
        let mut found = Self { fixed, readable, unreadable, cut: None, rest };
        for (index, (_, kind)) in PROPERTIES.iter().enumerate() {
            if flags & flag(index) == 0 {
                continue;
            }
            let size = match kind {
                b's' => short(found.rest).map(|text| 1 + text.len()),
                b'F' => long(found.rest).map(|table| 4 + table.len()),
                b'o' => Some(1),
                _ => Some(8),
            };
            let Some((bytes, behind)) = size.and_then(|size| found.rest.split_at_checked(size)) else {
                found.cut = Some(index);
                break;
            };
            found.rest = behind;
            if *kind == b's' && std::str::from_utf8(&bytes[1..]).is_err() {
                found.unreadable.push((index, &bytes[1..]));
            } else {
                found.readable[index] = Some(bytes);
            }
        }
        Some(found)
    }

    fn fields(&self) -> impl Iterator<Item = Field<'a>> {
        fields(self.readable[HEADERS].and_then(long).unwrap_or_default())
    }

    fn is_fine(&self) -> bool {
        self.unreadable.is_empty()
            && self.cut.is_none()
            && self.rest.is_empty()
            && self.fields().all(|field| field.flaw.is_none())
    }

    fn rewrite(&self, most: usize) -> Vec<u8> {
        let mut note = Note::new(most);
        let mut id = Vec::new();
        for &(index, bytes) in &self.unreadable {
            note.say(PROPERTIES[index].0, bytes);
            if index == MESSAGE_ID {
                let text = MessageId::new(format!("unreadable-id/{}", printable(bytes, usize::MAX)));
                id.push(u8::try_from(text.as_str().len()).unwrap_or_default());
                id.extend_from_slice(text.as_str().as_bytes());
            }
        }
        if !self.rest.is_empty() || self.cut.is_some() {
            let from = self.cut.map_or("what is behind the properties", |index| PROPERTIES[index].0);
            note.say(from, self.rest);
        }
        let headers = self.headers(&mut note, most);
        let mut readable: [Option<&[u8]>; PROPERTIES.len()] = self.readable;
        readable[HEADERS] = Some(&headers);
        if !id.is_empty() {
            readable[MESSAGE_ID] = Some(&id);
        }

        let mut payload = self.fixed.to_vec();
        let there = readable.iter().enumerate().filter(|(_, bytes)| bytes.is_some());
        let flags = there.fold(0, |flags, (index, _)| flags | flag(index));
        payload.extend_from_slice(&flags.to_be_bytes());
        payload.extend(readable.into_iter().flatten().flatten());
        payload
    }

    /// The headers that can be kept, and the note.
    fn headers(&self, note: &mut Note, most: usize) -> Vec<u8> {
        let others = self.readable.iter().enumerate().filter(|(index, _)| *index != HEADERS);
        let others: usize = others.filter_map(|(_, bytes)| Some(bytes.as_ref()?.len())).sum();
        let around = FIXED_BYTES + FLAGS_BYTES + MessageId::MAX_BYTES + 1 + 4 + note.longest();
        let mut room = most.saturating_sub(around + others);
        // The broker's own come first: they tell where the message comes from.
        let is_the_brokers = |field: &Field<'_>| std::str::from_utf8(field.name).is_ok_and(is_of_the_broker);
        let (brokers, publishers): (Vec<_>, Vec<_>) = self.fields().partition(is_the_brokers);
        let mut table = vec![0; 4];
        for field in brokers.into_iter().chain(publishers) {
            let name = printable(field.name, SHOWN_BYTES);
            if let Some(flaw) = field.flaw {
                let value = field.bytes.get(1 + field.name.len()..).unwrap_or_default();
                note.say(&format!("{name} ({flaw})"), value);
            } else if let Some(left) = room.checked_sub(field.bytes.len()) {
                table.extend_from_slice(field.bytes);
                room = left;
            } else {
                note.say(
                    &format!("{name} (too large to be delivered)"),
                    &field.bytes[1 + field.name.len()..],
                );
            }
        }
        // The note comes last: of headers with equal names, the last counts.
        note.write(&mut table);
        let length = u32::try_from(table.len() - 4).unwrap_or_default();
        table[..4].copy_from_slice(&length.to_be_bytes());
        table
    }
}

const fn flag(index: usize) -> u16 {
    0x8000 >> index
}

/// A note about what was left out.
struct Note {
    text: String,
    most: usize,
}

impl Note {
    /// For a content header of at most `most` bytes.
    fn new(most: usize) -> Self {
        Self { text: String::new(), most: NOTE_BYTES.min(most / 4) }
    }

    fn say(&mut self, name: &str, bytes: &[u8]) {
        if self.text.len() < self.most {
            self.text.extend([name, ": ", &printable(bytes, SHOWN_BYTES), "\n"]);
        }
    }

    /// The most bytes that it takes as a header.
    fn longest(&self) -> usize {
        1 + header::UNREADABLE.len() + 5 + self.most
    }

    /// Appends it to `table`, as a header.
    fn write(&self, table: &mut Vec<u8>) {
        let text = &self.text[..self.text.floor_char_boundary(self.most)];
        table.push(u8::try_from(header::UNREADABLE.len()).unwrap_or_default());
        table.extend_from_slice(header::UNREADABLE.as_bytes());
        table.push(b'S');
        table.extend_from_slice(&u32::try_from(text.len()).unwrap_or_default().to_be_bytes());
        table.extend_from_slice(text.as_bytes());
    }
}
