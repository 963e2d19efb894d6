//! The body of a page, compressed and as it was received.

use std::io::Read;

use super::{MAX_PAGE_BYTES, PageError};

/// Compresses a page's body for the queue: zstd level 1, which is as small as level 3 on real pages
/// and half the work.
pub fn compress_body(body: &[u8]) -> Vec<u8> {
    let mut compressed = zstd::bulk::compress(body, 1).expect("zstd compresses any bytes into memory");
    // It was given room for a body that does not compress: five times as much as a page needs, for as long as it is held.
    compressed.shrink_to_fit();
    compressed
}

/// The body as received. Never allocates more than [`MAX_PAGE_BYTES`], whatever the frame claims.
pub fn decompress_body(compressed: &[u8]) -> Result<Vec<u8>, PageError> {
    let decoder = zstd::Decoder::new(compressed).map_err(PageError::Zstd)?;
    let mut body = Vec::new();
    decoder.take(MAX_PAGE_BYTES as u64 + 1).read_to_end(&mut body).map_err(PageError::Zstd)?;
    if body.len() > MAX_PAGE_BYTES { Err(PageError::TooLarge) } else { Ok(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_bomb_is_cut_off_and_rubbish_is_an_error() {
        assert_eq!(decompress_body(&compress_body(b"abc")).unwrap(), b"abc");
        let bomb = compress_body(&vec![b' '; MAX_PAGE_BYTES + 1]);
        assert!(matches!(decompress_body(&bomb), Err(PageError::TooLarge)));
        assert!(matches!(decompress_body(b"rubbish"), Err(PageError::Zstd(_))));
    }
}
