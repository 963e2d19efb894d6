//! A raw page: one API response as received, compressed, with its metadata in headers.

mod body;
mod error;

use bytes::Bytes;
use chrono::{DateTime, Utc};

pub use self::body::{compress_body, decompress_body};
pub use self::error::PageError;
use crate::api_version::ApiVersion;
use crate::batch::{BatchDetails, BatchId};
use crate::endpoint;
use crate::headers::{HeaderError, Headers, header};
use crate::message::{Message, MessageId};
use crate::origin::Origin;
use crate::slot::Slot;
use crate::timestamp;

/// The largest page, decoded: 64 MiB. The real ones have 5 to 6 MB.
pub const MAX_PAGE_BYTES: usize = 64 << 20;

/// Where a page belongs and how it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageMeta {
    /// The batch it is part of.
    pub batch: BatchId,
    /// The slot of that batch.
    pub slot: Slot,
    /// Number of the page, from 1.
    pub page: u32,
    /// How many pages the batch has.
    pub pages: u32,
    /// When the response arrived; whole milliseconds. Breaks ties between equal `last_updated`. Of a page that fills a gap the slot:
    /// see [`is_history`](Self::is_history).
    pub fetched_at: DateTime<Utc>,
    /// What was fetched: [`LISTINGS`](crate::endpoint::LISTINGS) or [`HISTORY`](crate::endpoint::HISTORY); older tables have others.
    pub endpoint: String,
    /// The shape of the body.
    pub api_version: ApiVersion,
    /// The currencies that the batch is asked for in; never empty.
    pub convert: Vec<String>,
    /// The one of them that this page was asked for in, where each has requests of its own. Chunks do not say it: their rows do.
    pub currency: Option<String>,
    /// Whether a simulator made the data up.
    pub simulated: bool,
    /// New, filling a gap, replayed or rebuilt.
    pub origin: Origin,
}

impl PageMeta {
    /// The id of the page's message; the same for a live page and for each of its replays.
    pub fn message_id(&self) -> MessageId {
        self.batch.page_id(self.page)
    }

    /// Whether it is of the market as it was at its slot, asked for later. It counts as fetched at the slot: what was fetched live is
    /// never older, and is not replaced by it.
    pub fn is_history(&self) -> bool {
        self.endpoint == endpoint::HISTORY
    }

    /// When a quote of it that changed at `last_updated` counts as fetched: when the page was. One of the
    /// [history](Self::is_history) counts as fetched when it changed at the latest: before anything that was fetched live could have
    /// it, so that this wins, whichever comes first.
    pub fn quote_fetched_at(&self, last_updated: DateTime<Utc>) -> DateTime<Utc> {
        if self.is_history() { self.fetched_at.min(last_updated) } else { self.fetched_at }
    }

    /// The currencies that its coins have quotes in.
    pub fn currencies(&self) -> &[String] {
        self.currency.as_ref().map_or(&self.convert, std::slice::from_ref)
    }

    /// The message for a page whose body was compressed by [`compress_body`].
    pub fn to_message(&self, compressed_body: impl Into<Bytes>) -> Message {
        let mut headers = Headers::new()
            .with(header::BATCH, &self.batch)
            .with(header::SLOT, self.slot)
            .with(header::PAGE, self.page)
            .with(header::PAGES, self.pages)
            .with(header::FETCHED_AT, timestamp::to_text(self.fetched_at))
            .with(header::ENDPOINT, &self.endpoint)
            .with(header::API_VERSION, self.api_version)
            .with(header::CONVERT, self.convert.join(","))
            .with(header::SIMULATED, self.simulated)
            .with(header::ORIGIN, self.origin)
            .with(header::CONTENT_ENCODING, "zstd");
        if let Some(currency) = &self.currency {
            headers.set(header::CURRENCY, currency);
        }
        Message { id: self.message_id(), headers, body: compressed_body.into() }
    }

    /// What it says about its batch, which has `parts` pages (or the page has that many chunks).
    pub(crate) fn batch_details(&self, parts: u32) -> BatchDetails<'_> {
        let Self { batch, slot, endpoint, convert, fetched_at, .. } = self;
        BatchDetails { batch, slot: *slot, endpoint, convert, fetched_at: *fetched_at, parts }
    }

    /// Reads the metadata of a raw message.
    pub fn from_headers(headers: &Headers) -> Result<Self, PageError> {
        let meta = Self {
            batch: BatchId::from_stored(headers.require(header::BATCH)?),
            slot: Slot::at(instant(headers, header::SLOT)?),
            page: headers.parse(header::PAGE, "a number")?,
            pages: headers.parse(header::PAGES, "a number")?,
            fetched_at: instant(headers, header::FETCHED_AT)?,
            endpoint: headers.require(header::ENDPOINT)?.to_owned(),
            api_version: headers.parse(header::API_VERSION, "v1 or v3")?,
            convert: headers.require(header::CONVERT)?.split(',').map(str::to_owned).collect(),
            currency: headers.get(header::CURRENCY).map(str::to_owned),
            simulated: headers.parse(header::SIMULATED, "true or false")?,
            origin: headers.parse(header::ORIGIN, "live, backfill, replay or rebuild")?,
        };
        if meta.page == 0 || meta.page > meta.pages {
            let text = format!("{} of {}", meta.page, meta.pages);
            return Err(
                HeaderError::Invalid { name: header::PAGE, text, expected: "within the batch" }.into()
            );
        }
        if let Some(currency) = meta.currency.as_ref().filter(|currency| !meta.convert.contains(currency)) {
            let expected = "one of the currencies of the batch";
            return Err(
                HeaderError::Invalid { name: header::CURRENCY, text: currency.clone(), expected }.into()
            );
        }
        meta.batch_details(meta.pages).check().map_err(PageError::Senseless)?;
        match headers.require(header::CONTENT_ENCODING)? {
            "zstd" => Ok(meta),
            other => Err(PageError::Encoding(other.to_owned())),
        }
    }
}

fn instant(headers: &Headers, name: &'static str) -> Result<DateTime<Utc>, HeaderError> {
    let text = headers.require(name)?;
    timestamp::from_text(text).ok_or_else(|| HeaderError::Invalid {
        name,
        text: text.to_owned(),
        expected: "an RFC 3339 instant",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> PageMeta {
        let slot = Slot::at(timestamp::from_text("2026-11-22T14:00:00Z").unwrap());
        let convert = vec!["USD".to_owned(), "EUR".to_owned()];
        PageMeta {
            batch: BatchId::new(slot, "listings", &convert),
            slot,
            page: 1,
            pages: 2,
            fetched_at: timestamp::from_text("2026-11-22T14:00:01.234Z").unwrap(),
            endpoint: "listings".to_owned(),
            api_version: ApiVersion::V3,
            convert,
            currency: Some("EUR".to_owned()),
            simulated: false,
            origin: Origin::Live,
        }
    }

    #[test]
    fn metadata_survives_the_headers() {
        let message = meta().to_message(compress_body(b"{}"));
        assert_eq!(PageMeta::from_headers(&message.headers).unwrap(), meta());
        assert_eq!(message.id.as_str(), "2026-11-22T14:00:00Z/listings/USD,EUR/p1");
    }

    #[test]
    fn each_missing_or_senseless_header_is_named() {
        let whole = meta().to_message(Bytes::new()).headers;
        for (name, _) in whole.clone().iter().filter(|(name, _)| *name != header::CURRENCY) {
            let mut headers = whole.clone();
            headers.remove(name);
            let error = PageMeta::from_headers(&headers).unwrap_err().to_string();
            assert!(error.contains(name), "{name}: {error}");
        }
        for (name, text) in [
            ("x-page", "3"),
            ("x-page", "0"),
            ("x-api-version", "v9"),
            ("x-currency", "BTC"),
            ("content-encoding", "br"),
        ] {
            let error = PageMeta::from_headers(&whole.clone().with(name, text)).unwrap_err().to_string();
            assert!(error.contains(name), "{name}: {error}");
        }
    }

    /// As they would be if somebody else published: no table, log or ledger could take them.
    #[test]
    fn headers_that_can_be_read_and_make_no_sense_are_refused() {
        let whole = meta().to_message(Bytes::new()).headers;
        for (name, text, reason) in [
            ("x-batch", "", "batch id"),
            ("x-batch", "a\nb", "batch id"),
            ("x-batch", &"b".repeat(3000), "batch id"),
            ("x-endpoint", &"e".repeat(101), "endpoint"),
            ("x-convert", "US\u{1b}D", "currencies"),
            ("x-convert", &"USD,".repeat(3000), "currencies"),
            ("x-pages", "30000000", "10000 pages"),
        ] {
            let error = PageMeta::from_headers(&whole.clone().with(name, text)).unwrap_err();
            assert!(error.to_string().contains(reason), "{name}: {error}");
        }
    }
}
