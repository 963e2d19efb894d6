//! Fields of tables, checked by the rules of lapin's parser, without recursion.

use std::fmt;

/// How deep tables and arrays may be nested in one header. The broker's own have two levels (`x-death` is an
/// array of tables); lapin's parser needs some kilobytes of stack for each.
pub(super) const DEEPEST: usize = 16;

/// Why lapin's parser would not accept a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It ends before it is complete.
    Cut,
    /// An unknown type.
    Kind(u8),
    /// Nested too deep.
    Deep,
    /// A name that is not UTF-8.
    Name,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("cut off"),
            Self::Kind(kind) => write!(f, "of the unknown type {kind:#04x}"),
            Self::Deep => write!(f, "tables more than {DEEPEST} levels deep"),
            Self::Name => f.write_str("a name that is not UTF-8"),
        }
    }
}

/// The bytes of the short text at the front of `bytes`, without its length.
pub(super) fn short(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first()?;
    rest.get(..usize::from(*length))
}

/// The bytes of the long text or table at the front of `bytes`, without its length.
pub(super) fn long(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.get(..u32::from_be_bytes(*length) as usize)
}

/// How many bytes the value at the front of `bytes` has, its type included.
fn extent(bytes: &[u8]) -> Result<usize, Flaw> {
    let (&kind, rest) = bytes.split_first().ok_or(Flaw::Cut)?;
    // As in `AMQPType::from_id`, which has RabbitMQ's meanings of the letters.
    let size = match kind {
        b'V' => 0,
        b't' | b'b' | b'B' => 1,
        b's' | b'U' | b'u' => 2,
        b'I' | b'i' | b'f' => 4,
        b'D' => 5,
        b'L' | b'l' | b'd' | b'T' => 8,
        b'S' | b'x' | b'F' | b'A' => 4 + long(rest).ok_or(Flaw::Cut)?.len(),
        other => return Err(Flaw::Kind(other)),
    };
    if size > rest.len() { Err(Flaw::Cut) } else { Ok(1 + size) }
}

/// Checks all that is in `value`, which is one value with its type.
fn check(value: &[u8]) -> Result<(), Flaw> {
    // The tables and arrays that we are in: where each ends, and whether it is a table.
    let mut open = vec![(value.len(), false)];
    let mut at = 0;
    while let Some(&(end, is_table)) = open.last() {
        if at == end {
            open.pop();
            continue;
        }
        if is_table {
            let name = short(&value[at..end]).ok_or(Flaw::Cut)?;
            std::str::from_utf8(name).map_err(|_| Flaw::Name)?;
            at += 1 + name.len();
        }
        let size = extent(&value[at..end])?;
        let kind = value[at];
        if kind == b'F' || kind == b'A' {
            if open.len() > DEEPEST {
                return Err(Flaw::Deep);
            }
            open.push((at + size, kind == b'F'));
            at += 5;
        } else {
            at += size;
        }
    }
    Ok(())
}

/// One field of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) name: &'a [u8],
    /// All of it: name, type and value. When it is cut off, all that is left of the table.
    pub(super) bytes: &'a [u8],
    pub(super) flaw: Option<Flaw>,
}

/// The fields of the table whose bytes, without its length, are `table`. A field whose end is not known is the last.
pub(super) fn fields(mut table: &[u8]) -> impl Iterator<Item = Field<'_>> {
    std::iter::from_fn(move || {
        if table.is_empty() {
            return None;
        }
        let field = next(table);
        table = &table[field.bytes.len()..];
        Some(field)
    })
}

fn next(table: &[u8]) -> Field<'_> {
    let Some(name) = short(table) else {
        return Field { name: &[], bytes: table, flaw: Some(Flaw::Cut) };
    };
    let (_, rest) = table.split_at(1 + name.len());
    match extent(rest) {
        Err(flaw) => Field { name, bytes: table, flaw: Some(flaw) },
        Ok(size) => {
            let flaw = match std::str::from_utf8(name) {
                Ok(_) => check(&rest[..size]).err(),
                Err(_) => Some(Flaw::Name),
            };
            Field { name, bytes: &table[..1 + name.len() + size], flaw }
        }
    }
}
