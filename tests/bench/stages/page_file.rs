//! Pages as files, in the form that `coinpipe archive export` writes (decision 11): a skippable zstd frame with the
//! headers as JSON, then the body as it travels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use domain::{Headers, Message, PageMeta};

/// The first of the magic numbers of skippable frames (RFC 8878, 3.1.2).
const SKIPPABLE: u32 = 0x184D_2A50;

/// Writes the message of a page.
pub(crate) fn write(path: &Path, page: &Message) -> anyhow::Result<()> {
    let headers: BTreeMap<_, _> = page.headers.iter().collect();
    let headers = serde_json::to_vec(&headers)?;
    let length = u32::try_from(headers.len()).context("the headers are too long")?;
    let file = [&SKIPPABLE.to_le_bytes()[..], &length.to_le_bytes(), &headers, &page.body].concat();
    std::fs::write(path, file).with_context(|| format!("cannot write {}", path.display()))
}

/// The pages in `files`, each with what its headers say.
pub(crate) fn read_all(files: &[PathBuf]) -> anyhow::Result<Vec<(PageMeta, Message)>> {
    files.iter().map(|path| read(path).with_context(|| path.display().to_string())).collect()
}

fn read(path: &Path) -> anyhow::Result<(PageMeta, Message)> {
    let mut file = std::fs::read(path)?;
    let word = |at: usize| file.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let (Some(SKIPPABLE), Some(length)) = (word(0), word(4)) else {
        bail!("it was not written by `bench pages`")
    };
    let body = file.split_off(8 + length as usize);
    let headers: BTreeMap<String, String> = serde_json::from_slice(&file[8..])?;
    let headers = headers.into_iter().fold(Headers::new(), |headers, (name, text)| headers.with(name, text));
    let meta = PageMeta::from_headers(&headers)?;
    let page = meta.to_message(body);
    Ok((meta, page))
}
