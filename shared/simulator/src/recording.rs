//! Recorded API responses, served again with every byte of every coin as it was.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::page::Page;
use crate::query::ListingQuery;
use domain::json::each_element;
use domain::{ApiVersion, MAX_PAGE_BYTES};

/// One recorded response of `cryptocurrency/listings/latest`.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Neither version when there are no rows to tell by.
    version: Option<ApiVersion>,
    rows: Arc<[Row]>,
}

/// A coin: its id, and its bytes.
#[derive(Debug)]
struct Row {
    id: u32,
    json: Box<RawValue>,
}

/// The response as far as it is looked into.
#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    status: Option<Status<'a>>,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    error_code: Option<&'a RawValue>,
}

/// A row as far as it is looked into.
#[derive(Deserialize)]
struct Shape<'a> {
    id: u32,
    #[serde(borrow)]
    quote: &'a RawValue,
}

impl Recording {
    /// Reads a file that holds one whole response. The error names the file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let read = || {
            let mut bytes = Vec::new();
            std::fs::File::open(path)?.take(MAX_PAGE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
            std::io::Result::Ok(bytes)
        };
        let bytes = read().with_context(|| format!("failed to read {}", path.display()))?;
        ensure!(
            bytes.len() <= MAX_PAGE_BYTES,
            "{} is larger than {MAX_PAGE_BYTES} bytes, the largest page",
            path.display()
        );
        Self::parse(&bytes).with_context(|| format!("{} is not a recorded listing", path.display()))
    }

    /// Takes one whole response. The error says what is not like a listing.
    pub fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        // Without this check serde would also take arrays of the right length.
        ensure!(bytes.trim_ascii_start().starts_with(b"{"), "it is not a JSON object");
        let response: Response<'_> = serde_json::from_slice(bytes)?;
        if let Some(code) = response.status.and_then(|status| status.error_code) {
            let code = code.get();
            let shown = &code[..code.floor_char_boundary(60)];
            ensure!(matches!(code, "0" | "\"0\""), "its status has error_code {shown}");
        }
        let mut version = None;
        let mut rows = Vec::new();
        let read = each_element(response.data, |json| {
            let index = rows.len();
            ensure!(json.get().starts_with('{'), "row {index} is not a coin");
            let shape: Shape<'_> =
                serde_json::from_str(json.get()).with_context(|| format!("row {index} is not a coin"))?;
            let id = shape.id;
            let of_row = match shape.quote.get().as_bytes().first() {
                Some(b'{') => ApiVersion::V1,
                Some(b'[') => ApiVersion::V3,
                _ => anyhow::bail!("row {index} has neither quotes by currency nor a list of quotes"),
            };
            ensure!(*version.get_or_insert(of_row) == of_row, "its rows are of both API versions");
            rows.push(Row { id, json: json.to_owned() });
            Ok(())
        });
        read.context("its data is no list: expected a sequence of coins")??;
        Ok(Self { version, rows: rows.into() })
    }

    /// The version of the endpoint that answered it; unknown for an empty listing.
    pub fn version(&self) -> Option<ApiVersion> {
        self.version
    }

    /// The rows that `start` and `limit` ask for, as if the coins in `vanished` were not recorded.
    pub(crate) fn page(&self, query: &ListingQuery, vanished: &[u32]) -> Page {
        let rows: Vec<&Row> = self.rows.iter().filter(|row| !vanished.contains(&row.id)).collect();
        let page = query.slice(&rows).iter().map(|row| row.json.get().to_owned()).collect();
        Page { rows: page, total_count: rows.len() }
    }
}

/// Recordings as successive snapshots: each endpoint version walks through those of its own shape.
#[derive(Debug)]
pub(crate) struct Playlist {
    recordings: Vec<Recording>,
    /// How many snapshots each version has begun.
    begun: Mutex<HashMap<ApiVersion, usize>>,
}

impl Playlist {
    /// `None` when there is nothing to play.
    pub(crate) fn new(recordings: Vec<Recording>) -> Option<Self> {
        (!recordings.is_empty()).then(|| Self { recordings, begun: Mutex::default() })
    }

    /// The snapshot that a call with this `start` gets. A first page gets the next one, and the last one for
    /// ever after; a later page gets the one whose first page was served last. `still` keeps to that one too.
    pub(crate) fn current(&self, version: ApiVersion, start: usize, still: bool) -> Option<&Recording> {
        let own: Vec<&Recording> = self
            .recordings
            .iter()
            .filter(|recording| recording.version.is_none_or(|own| own == version))
            .collect();
        let begun = self.begun(version);
        let next = if start == 1 && !still { begun } else { begun.saturating_sub(1) };
        own.get(next).or(own.last()).copied()
    }

    /// Notes that a first page of `version` was served whole.
    pub(crate) fn advance(&self, version: ApiVersion) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        *begun.entry(version).or_default() += 1;
    }

    fn begun(&self, version: ApiVersion) -> usize {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.get(&version).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
