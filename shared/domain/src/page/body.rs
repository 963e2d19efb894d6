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
    if let Some(body) = decompress_into_place(compressed) {
        return Ok(body);
    }
    let decoder = zstd::Decoder::new(compressed).map_err(PageError::Zstd)?;
    let mut body = Vec::new();
    decoder.take(MAX_PAGE_BYTES as u64 + 1).read_to_end(&mut body).map_err(PageError::Zstd)?;
    if body.len() > MAX_PAGE_BYTES { Err(PageError::TooLarge) } else { Ok(body) }
}

/// The body of one frame that says how long it is, as ours do: written once, to where it stays. A stream of unknown length
/// is copied from zstd's window, and again whenever it outgrows its room: an eighth of the time, some 5 % of a
/// transformer's CPU, and up to 20 MB at its peak. `None`: it is something else.
fn decompress_into_place(compressed: &[u8]) -> Option<Vec<u8>> {
    let length = zstd::zstd_safe::get_frame_content_size(compressed).ok()??;
    let length = usize::try_from(length).ok().filter(|length| *length <= MAX_PAGE_BYTES)?;
    zstd::bulk::decompress(compressed, length).ok()
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

    /// Whatever the first frame says about its length.
    #[test]
    fn frames_are_one_body_however_many_there_are_and_whatever_they_say() {
        let (begin, end) = (compress_body(b"begin "), compress_body(b"end"));
        let skipped = [&0x184d_2a50_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), b"abc"].concat();
        let unsized_frame = zstd::encode_all(&b"begin "[..], 1).unwrap();
        for frames in [[&begin[..], &end], [&unsized_frame, &end]] {
            assert_eq!(decompress_body(&frames.concat()).unwrap(), b"begin end");
        }
        assert_eq!(decompress_body(&[&skipped[..], &begin].concat()).unwrap(), b"begin ");
        assert_eq!(decompress_body(&[&begin[..], &skipped].concat()).unwrap(), b"begin ");
        assert_eq!(decompress_body(&compress_body(b"")).unwrap(), b"");
        // A frame that claims more than it holds, and one that claims less (RFC 8878, 3.1.1.1.4).
        let (whole, length_at) = (compress_body(&[b'x'; 200]), 5);
        assert_eq!(whole[length_at], 200);
        for lie in [255, 100] {
            let mut frame = whole.clone();
            frame[length_at] = lie;
            assert!(matches!(decompress_body(&frame), Err(PageError::Zstd(_))), "{lie}");
        }
    }
}
