//! Where a text without escapes ends.

/// How many bytes come before the quote that ends a text; `None` when an escape, or a control character that no text may
/// have, comes first.
pub(super) fn plain_length(bytes: &[u8]) -> Option<usize> {
    let mut length = 0;
    // Eight bytes at a time.
    while let Some(eight) = bytes.get(length..).and_then(<[u8]>::first_chunk) {
        let marked = ends(u64::from_le_bytes(*eight));
        if marked != 0 {
            length += marked.trailing_zeros() as usize / 8;
            return (bytes.get(length) == Some(&b'"')).then_some(length);
        }
        length += 8;
    }
    let last = bytes.get(length..)?.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < b' ')?;
    length += last;
    (bytes.get(length) == Some(&b'"')).then_some(length)
}

/// Has the highest bit of the first byte that is a quote, a backslash or a control character, and none before it. The
/// bytes after that one may be marked wrongly.
fn ends(eight: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = EACH * 0x80;
    // A byte below `limit` borrows from its highest bit.
    let below = |bytes: u64, limit: u8| bytes.wrapping_sub(EACH * u64::from(limit)) & !bytes;
    let equal = |byte: u8| below(eight ^ (EACH * u64::from(byte)), 1);
    (below(eight, b' ') | equal(b'"') | equal(b'\\')) & HIGH
}
