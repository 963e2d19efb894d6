//! What the spool writes about a batch and about a page.

use chrono::{DateTime, Utc};
use domain::{ApiVersion, BatchId, Doubt, Fetched, Headers, Origin, PageMeta, Slot, Verdict, endpoint};
use serde::{Deserialize, Serialize};

/// The version of the files below.
const VERSION: u32 = 1;

/// Whether a slot is claimed for a batch, so that its pages may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClaimState {
    /// A person asked for it; nobody else will.
    ByHand,
    /// It is about to be claimed. Only the leaders' note tells whether it was.
    Intended,
    /// It is claimed by this spool's fetcher.
    Claimed,
}

/// How the currencies of a batch are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Calls {
    /// All in one request.
    #[default]
    One,
    /// One request for each, and so one page: those of the same coins follow each other.
    Each,
}

impl Calls {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    fn is_one(&self) -> bool {
        *self == Self::One
    }
}

/// What a batch is, and what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// The batch.
    pub batch: BatchId,
    /// Its slot.
    pub slot: Slot,
    /// What is fetched: `listings`, or `quotes` of some ids.
    pub endpoint: String,
    /// The shape of the pages.
    pub api_version: ApiVersion,
    /// The currencies.
    pub convert: Vec<String>,
    /// How they are asked for.
    pub calls: Calls,
    /// Coins in all.
    pub limit: u32,
    /// Coins in one request.
    pub page_size: u32,
    /// The coins that are asked for by their ids; none when it is by rank.
    pub ids: Vec<u32>,
    /// The host that is asked.
    pub host: String,
    /// How many pages the batch has; known once nothing more will be fetched for it.
    pub pages: Option<u32>,
    /// The trace that the fetch belongs to, as headers; empty where traces are not collected.
    pub trace: Headers,
    /// Whether its slot is claimed.
    pub claim: ClaimState,
    /// What is wrong with the snapshot; known when `pages` is.
    pub verdict: Option<Verdict>,
}

/// What is known about a page besides its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageRecord {
    /// Number of the page, from 1.
    pub page: u32,
    /// Coins that were asked for.
    pub asked: u32,
    /// Coins that came.
    pub rows: u32,
    /// Coins that there are, if the API said so.
    pub total_count: Option<u32>,
    /// Credits that it cost.
    pub credits: u32,
    /// When it arrived.
    pub fetched_at: DateTime<Utc>,
    /// Whether a simulator made it up.
    pub simulated: bool,
}

impl Manifest {
    /// Which coins page `page` asks for: the first rank, and how many.
    pub(crate) fn range(&self, page: u32) -> (u32, u32) {
        let before = ((page - 1) / self.pages_of_the_same()).saturating_mul(self.page_size);
        (before.saturating_add(1), self.limit.saturating_sub(before).min(self.page_size))
    }

    /// How many pages in a row have the same coins: one for each currency that is asked for alone.
    fn pages_of_the_same(&self) -> u32 {
        match self.calls {
            Calls::One => 1,
            Calls::Each => u32::try_from(self.convert.len()).unwrap_or(u32::MAX).max(1),
        }
    }

    /// How many pages the batch has when there are as many coins as are asked for.
    pub(crate) fn pages_in_all(&self) -> u32 {
        self.limit.div_ceil(self.page_size.max(1)).saturating_mul(self.pages_of_the_same())
    }

    /// The currency that page `page` is asked for in; `None` when it is all of them.
    pub(crate) fn currency(&self, page: u32) -> Option<&String> {
        match self.calls {
            Calls::One => None,
            Calls::Each => self.convert.get(((page - 1) % self.pages_of_the_same()) as usize),
        }
    }

    /// The currencies that page `page` is asked for in.
    pub(crate) fn currencies(&self, page: u32) -> &[String] {
        self.currency(page).map_or(&self.convert, std::slice::from_ref)
    }

    /// Whether page `page` has quotes in the first currency.
    pub(crate) fn is_in_first(&self, page: u32) -> bool {
        self.currency(page).is_none_or(|currency| self.convert.first() == Some(currency))
    }

    /// The ids that page `page` asks for; none when it is by rank.
    pub(crate) fn ids_of(&self, page: u32) -> &[u32] {
        let (first, count) = self.range(page);
        let first = (first - 1) as usize;
        let end = first.saturating_add(count as usize).min(self.ids.len());
        self.ids.get(first..end).unwrap_or_default()
    }

    /// How many pages the batch has, as far as `fetched` tells: enough for the limit and for all coins
    /// that there are; a page that was not full is the last, unless the API says that there are more coins.
    pub(crate) fn pages_expected(&self, fetched: &[PageRecord]) -> u32 {
        let newest = fetched.iter().max_by_key(|page| page.page);
        let same = self.pages_of_the_same();
        let place = |page: &PageRecord| page.page.div_ceil(same);
        if !self.ids.is_empty() {
            // A page without one of its coins says nothing about the next.
            let places = self.limit.div_ceil(self.page_size.max(1)).max(newest.map_or(1, place));
            return places.saturating_mul(same);
        }
        let total = newest.and_then(|page| page.total_count).unwrap_or(u32::MAX);
        let wanted = self.limit.min(total).div_ceil(self.page_size.max(1)).max(1);
        // Only the total tells that a short page is no fault.
        let is_last = |page: &&PageRecord| {
            let (start, asked) = self.range(page.page);
            page.rows < asked && page.total_count.is_none_or(|total| total < start.saturating_add(asked))
        };
        let ended = fetched.iter().filter(is_last).map(place).min();
        let last = newest.map_or(1, place);
        wanted.min(ended.unwrap_or(u32::MAX)).max(last).saturating_mul(same)
    }

    /// Whether `other` asks for the same pages, so that those of one can serve the other.
    pub(crate) fn asks_the_same(&self, other: &Self) -> bool {
        *self
            == Self {
                pages: self.pages,
                trace: self.trace.clone(),
                claim: self.claim,
                verdict: self.verdict.clone(),
                ..other.clone()
            }
    }

    /// Whether it is of the past, and fills a gap.
    pub(crate) fn is_history(&self) -> bool {
        self.endpoint == endpoint::HISTORY
    }

    /// The headers of `page` of a batch of `pages`. One of the past counts as fetched at the slot: it takes the place of nothing that
    /// was fetched live.
    pub(crate) fn meta(&self, page: &PageRecord, pages: u32) -> PageMeta {
        PageMeta {
            batch: self.batch.clone(),
            slot: self.slot,
            page: page.page,
            pages,
            fetched_at: if self.is_history() { self.slot.starts_at() } else { page.fetched_at },
            endpoint: self.endpoint.clone(),
            api_version: self.api_version,
            convert: self.convert.clone(),
            currency: self.currency(page.page).cloned(),
            simulated: page.simulated,
            origin: if self.is_history() { Origin::Backfill } else { Origin::Live },
        }
    }

    /// The announcement of a batch of `pages`; `None` when not one was fetched.
    pub(crate) fn announcement(&self, fetched: &[PageRecord], pages: u32) -> Option<Fetched> {
        Some(Fetched {
            batch: self.batch.clone(),
            slot: self.slot,
            endpoint: self.endpoint.clone(),
            api_version: self.api_version,
            convert: self.convert.clone(),
            fetched_at: fetched.iter().map(|page| page.fetched_at).max()?,
            pages,
            credits: fetched.iter().fold(0, |sum, page| sum.saturating_add(page.credits)),
            simulated: fetched.iter().any(|page| page.simulated),
            verdict: self.verdict.clone(),
        })
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        let file = ManifestFile {
            version: VERSION,
            batch: self.batch.as_str().to_owned(),
            slot: domain::timestamp::to_text(self.slot.starts_at()),
            endpoint: self.endpoint.clone(),
            api_version: self.api_version.to_string(),
            convert: self.convert.clone(),
            calls: self.calls,
            limit: self.limit,
            page_size: self.page_size,
            ids: self.ids.clone(),
            host: self.host.clone(),
            pages: self.pages,
            trace: self.trace.clone(),
            claim: self.claim,
            verdict: self.verdict.as_ref().map(VerdictFile::of),
        };
        serde_json::to_vec(&file).expect("texts and numbers are JSON")
    }

    pub(super) fn from_json(json: &[u8]) -> Result<Self, String> {
        let file: ManifestFile = read(json)?;
        if file.page_size == 0 {
            return Err("page_size is 0".to_owned());
        }
        Ok(Self {
            batch: BatchId::from_stored(file.batch),
            slot: Slot::at(instant(&file.slot)?),
            endpoint: file.endpoint,
            api_version: file.api_version.parse().map_err(|error| format!("{error}"))?,
            convert: file.convert,
            calls: file.calls,
            limit: file.limit,
            page_size: file.page_size,
            ids: file.ids,
            host: file.host,
            pages: file.pages,
            trace: file.trace,
            claim: file.claim,
            verdict: file.verdict.map(VerdictFile::read).transpose()?,
        })
    }
}

impl PageRecord {
    pub(super) fn to_json(&self, body: &[u8]) -> Vec<u8> {
        let file = PageFile {
            version: VERSION,
            page: self.page,
            asked: self.asked,
            rows: self.rows,
            total_count: self.total_count,
            credits: self.credits,
            fetched_at: domain::timestamp::to_text(self.fetched_at),
            simulated: self.simulated,
            body_bytes: body.len(),
            body_crc32c: domain::wire::crc32c(body),
        };
        serde_json::to_vec(&file).expect("texts and numbers are JSON")
    }

    /// The page, and what its body must be.
    pub(super) fn from_json(json: &[u8]) -> Result<(Self, BodySeal), String> {
        let file: PageFile = read(json)?;
        let page = Self {
            page: file.page,
            asked: file.asked,
            rows: file.rows,
            total_count: file.total_count,
            credits: file.credits,
            fetched_at: instant(&file.fetched_at)?,
            simulated: file.simulated,
        };
        Ok((page, BodySeal { bytes: file.body_bytes, crc32c: file.body_crc32c }))
    }
}

/// What tells that a body is the one that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BodySeal {
    bytes: usize,
    crc32c: u32,
}

impl BodySeal {
    /// Whether a body of so many bytes may be it.
    pub(super) fn check_length(self, bytes: u64) -> Result<(), String> {
        if self.bytes as u64 == bytes { Ok(()) } else { Err(ANOTHER_BODY.to_owned()) }
    }

    /// Whether `body` is it.
    pub(super) fn check(self, body: &[u8]) -> Result<(), String> {
        self.check_length(body.len() as u64)?;
        if self.crc32c == domain::wire::crc32c(body) { Ok(()) } else { Err(ANOTHER_BODY.to_owned()) }
    }
}

const ANOTHER_BODY: &str = "the body is not the one that was written";

#[derive(Serialize, Deserialize)]
struct ManifestFile {
    version: u32,
    batch: String,
    slot: String,
    endpoint: String,
    api_version: String,
    convert: Vec<String>,
    /// Not in files of older versions, and not when it is one.
    #[serde(default, skip_serializing_if = "Calls::is_one")]
    calls: Calls,
    limit: u32,
    page_size: u32,
    /// Not in files of older versions, and not when it is by rank.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ids: Vec<u32>,
    host: String,
    pages: Option<u32>,
    /// Not in files of older versions.
    #[serde(default, skip_serializing_if = "Headers::is_empty")]
    trace: Headers,
    /// Not in files of older versions, which claimed first.
    #[serde(default = "claimed")]
    claim: ClaimState,
    /// Not in files of older versions, and not when nothing is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verdict: Option<VerdictFile>,
}

#[derive(Serialize, Deserialize)]
struct VerdictFile {
    doubt: String,
    why: String,
}

impl VerdictFile {
    fn of(verdict: &Verdict) -> Self {
        Self { doubt: verdict.doubt.to_string(), why: verdict.why.clone() }
    }

    fn read(self) -> Result<Verdict, String> {
        let doubt: Doubt = self.doubt.parse().map_err(|error| format!("{error}"))?;
        Ok(Verdict { doubt, why: self.why })
    }
}

fn claimed() -> ClaimState {
    ClaimState::Claimed
}

#[derive(Serialize, Deserialize)]
struct PageFile {
    version: u32,
    page: u32,
    asked: u32,
    rows: u32,
    total_count: Option<u32>,
    credits: u32,
    fetched_at: String,
    simulated: bool,
    body_bytes: usize,
    body_crc32c: u32,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

fn read<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, String> {
    let Versioned { version } = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    if version != VERSION {
        return Err(format!("version {version} is not known to this version of coinpipe"));
    }
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    domain::timestamp::from_text(text).ok_or_else(|| format!("{text:?} is not an instant"))
}
