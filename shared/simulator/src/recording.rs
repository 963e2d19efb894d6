//! Recorded API responses, served again with every byte of every coin as it was.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use domain::json::each_element;
use domain::{ApiVersion, MAX_PAGE_BYTES};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::listing_page::ListingPage;
use crate::query::ListingQuery;

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
    pub(crate) fn page(&self, query: &ListingQuery, vanished: &[u32]) -> ListingPage {
        let is_asked = |row: &&Row| query.ids.as_ref().is_none_or(|ids| ids.contains(&row.id));
        let rows = self.rows.iter().filter(|row| !vanished.contains(&row.id)).filter(is_asked);
        let rows: Vec<&Row> = rows.collect();
        let page = query.slice(&rows).iter().map(|row| row.json.get().to_owned()).collect();
        ListingPage { rows: page, total_count: query.ids.is_none().then_some(rows.len()) }
    }
}

#[cfg(test)]
mod tests;
