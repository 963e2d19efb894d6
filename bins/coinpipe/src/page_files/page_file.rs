//! A page as a file.
//!
//! A file that coinpipe wrote is the response as it was received, compressed with zstd (RFC 8878). A skippable
//! frame before it (section 3.1.2 there) holds the headers of the page's message as a JSON object; every
//! decompressor passes over it, so `zstdcat` shows the response and nothing else.
//!
//! Any other file is a recorded response, plain or compressed with gzip or zstd.

use std::collections::BTreeMap;
use std::io::Read;

use anyhow::{Context as _, ensure};
use domain::{Bytes, Headers, MAX_PAGE_BYTES, Message, Origin, PageMeta, compress_body, decompress_body};

use super::recorded;

/// The first of the sixteen magic numbers of skippable frames (RFC 8878, 3.1.2).
const SKIPPABLE: u32 = 0x184D_2A50;
/// The magic number of a zstd frame (RFC 8878, 3.1.1), as bytes.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// How a gzip file begins (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The longest file that is read, in bytes: the largest page, and what belongs to it. What does not compress
/// becomes a little longer.
const MAX_FILE_BYTES: usize = MAX_PAGE_BYTES + MAX_PAGE_BYTES / 128 + MAX_HEADER_BYTES;
/// The longest headers; ours have about 500 bytes.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// The name of the file for a page.
pub(crate) fn name(page: &PageMeta) -> String {
    // An id may stand in a path of any system.
    let id = page.batch.as_str().replace(':', "").replace(|c: char| !is_plain(c), "_");
    format!("{id}_p{}.json.zst", page.page)
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-.,".contains(c)
}

/// The file for the message of a page.
pub(crate) fn write(page: &Message) -> anyhow::Result<Vec<u8>> {
    let headers: BTreeMap<_, _> = page.headers.iter().collect();
    let headers = serde_json::to_vec(&headers)?;
    let length = u32::try_from(headers.len()).context("its headers are too long")?;
    let parts = [&SKIPPABLE.to_le_bytes()[..], &length.to_le_bytes(), &headers, &page.body];
    Ok(parts.concat())
}

/// The message of the page that `file` holds. No more is read of it than the longest page has.
pub(super) fn read(file: impl Read) -> anyhow::Result<Message> {
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).context("cannot read it")?;
    ensure!(bytes.len() <= MAX_FILE_BYTES, "it is larger than {MAX_FILE_BYTES} bytes");
    parse(bytes.into())
}

fn parse(file: Bytes) -> anyhow::Result<Message> {
    if let Some((headers, begin)) = split(&file) {
        let mut page = PageMeta::from_headers(&headers)?;
        page.origin = Origin::Replay;
        let body = file.slice(begin..);
        decompress_body(&body)?;
        return Ok(page.to_message(body));
    }
    if file.starts_with(&ZSTD) {
        // The file is the body: compressing it again took a third of the CPU of a replay of such files.
        return Ok(recorded::page_meta(&decompress_body(&file)?)?.to_message(file));
    }
    let response = if file.starts_with(&GZIP) { gunzip(&file)?.into() } else { file };
    ensure!(response.len() <= MAX_PAGE_BYTES, "it is larger than {MAX_PAGE_BYTES} bytes");
    Ok(recorded::page_meta(&response)?.to_message(compress_body(&response)))
}

/// Headers of a file that coinpipe wrote, and where its body begins.
fn split(file: &[u8]) -> Option<(Headers, usize)> {
    let (magic, rest) = file.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    if u32::from_le_bytes(*magic) != SKIPPABLE {
        return None;
    }
    let (headers, body) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    if headers.len() > MAX_HEADER_BYTES {
        return None;
    }
    let headers: BTreeMap<String, String> = serde_json::from_slice(headers).ok()?;
    let headers = headers.into_iter().fold(Headers::new(), |headers, (name, text)| headers.with(name, text));
    Some((headers, file.len() - body.len()))
}

fn gunzip(file: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut response = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(file).take(MAX_PAGE_BYTES as u64 + 1);
    reader.read_to_end(&mut response).context("it is no valid gzip")?;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use domain::{ApiVersion, timestamp};

    use super::*;

    const V1: &str = r#"{"status":{"timestamp":"2024-03-19T22:06:29.658Z","error_code":0},
        "data":[{"id":1,"quote":{"USD":{"price":1.5},"EUR":{"price":2}}}]}"#;
    const V3: &str = r#"{"data":[{"id":1,"quote":[{"id":2781,"symbol":"USD","price":1.5}]}],
        "status":{"timestamp":"2026-11-22T14:00:01Z"}}"#;

    fn read_bytes(file: &[u8]) -> anyhow::Result<Message> {
        read(file)
    }

    fn meta(message: &Message) -> PageMeta {
        PageMeta::from_headers(&message.headers).unwrap()
    }

    #[test]
    fn a_page_survives_its_file_and_any_tool_can_read_it() {
        let mut page = read_bytes(V3.as_bytes()).unwrap();
        page.headers.set(domain::header::SIMULATED, true);
        let file = write(&page).unwrap();
        assert_eq!(read_bytes(&file).unwrap(), page);
        assert_eq!(decompress_body(&file).unwrap(), V3.as_bytes());
        assert_eq!(name(&meta(&page)), "2026-11-22T140001Z_listings_USD_p1.json.zst");
    }

    #[test]
    fn a_live_page_comes_back_as_a_replay() {
        let mut page = read_bytes(V3.as_bytes()).unwrap();
        page.headers.set(domain::header::ORIGIN, Origin::Live);
        assert_eq!(meta(&read_bytes(&write(&page).unwrap()).unwrap()).origin, Origin::Replay);
    }

    #[test]
    fn a_recording_tells_its_time_version_and_currencies() {
        let v1 = meta(&read_bytes(V1.as_bytes()).unwrap());
        assert_eq!(v1.batch.as_str(), "2024-03-19T22:06:29Z/listings/EUR,USD");
        assert_eq!((v1.api_version, v1.convert), (ApiVersion::V1, vec!["EUR".to_owned(), "USD".to_owned()]));
        assert_eq!(timestamp::to_text(v1.fetched_at), "2024-03-19T22:06:29.658Z");
        let v3 = meta(&read_bytes(V3.as_bytes()).unwrap());
        assert_eq!((v3.api_version, v3.convert), (ApiVersion::V3, vec!["USD".to_owned()]));
    }

    #[test]
    fn compressed_and_plain_recordings_are_the_same_page() {
        let plain = read_bytes(V1.as_bytes()).unwrap();
        assert_eq!(read_bytes(&compress_body(V1.as_bytes())).unwrap(), plain);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(V1.as_bytes()).unwrap();
        assert_eq!(read_bytes(&gzip.finish().unwrap()).unwrap(), plain);
    }

    /// Whatever compressed it: in frames of any kind, however many.
    #[test]
    fn a_recording_that_is_compressed_is_published_as_it_is() {
        let (begin, end) = V1.as_bytes().split_at(40);
        let frames = [compress_body(begin), compress_body(end)].concat();
        let page = read_bytes(&frames).unwrap();
        assert_eq!(page.body, frames);
        assert_eq!(decompress_body(&page.body).unwrap(), V1.as_bytes());
        assert_eq!(meta(&page), meta(&read_bytes(V1.as_bytes()).unwrap()));
    }

    #[test]
    fn what_is_no_page_is_said_to_be_none() {
        let refused = |file: &[u8], says: &str| {
            let error = format!("{:#}", read_bytes(file).unwrap_err());
            assert!(error.contains(says), "{says:?} is not in: {error}");
        };
        refused(b"", "no listing of the API");
        refused(b"<html>", "no listing of the API");
        refused(br#"{"status":{},"data":[]}"#, "no timestamp");
        refused(br#"{"status":{"timestamp":"yesterday"},"data":[]}"#, "\"yesterday\"");
        refused(br#"{"status":{"timestamp":"2026-11-22T14:00:01Z"},"data":[]}"#, "no coins");
        refused(V1.replace(r#""USD":{"price":1.5},"EUR":{"price":2}"#, "").as_bytes(), "no quotes");
        refused(br#"{"status":{"timestamp":"2026-11-22T14:00:01Z"},"data":{}}"#, "not a list");
        refused(&[&GZIP[..], b"rubbish"].concat(), "gzip");
        refused(&[&ZSTD[..], b"rubbish"].concat(), "zstd");
        let page = read_bytes(V3.as_bytes()).unwrap();
        let mut file = write(&page).unwrap();
        file.truncate(file.len() - 3);
        refused(&file, "zstd");
        let mut page = page;
        page.headers.remove(domain::header::SLOT);
        refused(&write(&page).unwrap(), domain::header::SLOT);
    }

    #[test]
    fn no_file_is_read_beyond_what_a_page_can_have() {
        let endless = std::io::repeat(b' ');
        assert!(format!("{:#}", read(endless).unwrap_err()).contains("larger than"));
        let bomb = compress_body(&vec![b' '; MAX_PAGE_BYTES + 1]);
        assert!(format!("{:#}", read_bytes(&bomb).unwrap_err()).contains("more than"));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&vec![b' '; MAX_PAGE_BYTES + 1]).unwrap();
        assert!(format!("{:#}", read_bytes(&gzip.finish().unwrap()).unwrap_err()).contains("larger than"));
    }

    #[test]
    fn a_first_coin_with_a_thousand_quotes_is_refused() {
        let quotes = |one: &dyn Fn(u32) -> String| (0..1000).map(one).collect::<Vec<_>>().join(",");
        let by_currency = quotes(&|n| format!(r#""C{n}":{{}}"#));
        let listed = quotes(&|n| format!(r#"{{"symbol":"C{n}"}}"#));
        for quote in [format!("{{{by_currency}}}"), format!("[{listed}]")] {
            let file = V1.replace(r#"{"USD":{"price":1.5},"EUR":{"price":2}}"#, &quote);
            assert!(format!("{:#}", read_bytes(file.as_bytes()).unwrap_err()).contains("200"));
        }
    }
}
