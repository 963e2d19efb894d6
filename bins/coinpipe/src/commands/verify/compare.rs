//! Pages of the archive against the history and the ledger, many at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BatchId, PageMeta, timestamp};
use ports::store::{BatchRecord, DataKinds, LedgerLine, QuoteKey};
use service::{Process, Stores};
use transformer::ChunkKeys;

use super::findings::{Part, Verified, Wrong};
use super::ledger::lacks;
use super::lookups::{Lookups, lookups};

/// Quotes that are looked up together.
const QUOTES: usize = 200_000;

/// Pages that are looked up together, at most: the ledger is asked for all of their batches at once.
const PAGES: usize = 1000;

/// Instants of one statement.
const INSTANTS: usize = 256;

/// When it changed, in milliseconds; its coin; which of the currencies.
type Key = (i64, u32, usize);

/// A page, and the quotes that it brings.
pub(super) struct CleanedPage {
    pub(super) meta: PageMeta,
    /// `None` when it cannot be cleaned: it is a dead letter then.
    pub(super) chunks: Option<Vec<ChunkKeys>>,
}

/// What has been compared, and the pages that wait for it.
pub(super) struct Compared<'a> {
    stores: &'a Stores,
    kinds: DataKinds,
    dropped: BTreeSet<BatchId>,
    /// Older quotes have left the history.
    horizon: i64,
    /// Coins of a chunk.
    chunk_coins: u32,
    currencies: Vec<String>,
    waiting: Vec<CleanedPage>,
    quotes: usize,
    /// For each coin and currency the newest quote that was found, and the part that brought it.
    newest: HashMap<(u32, usize), (i64, Part)>,
    verified: Verified,
}

/// What is there of the pages that wait.
struct Held {
    /// When each quote was fetched last; `None`: it is not there.
    quotes: HashMap<Key, Option<i64>>,
    records: HashMap<BatchId, BatchRecord>,
    lines: BTreeMap<BatchId, Vec<LedgerLine>>,
}

impl<'a> Compared<'a> {
    pub(super) async fn new(process: &Process, stores: &'a Stores) -> anyhow::Result<Self> {
        let keep = process.config().history.keep;
        let keep = TimeDelta::from_std(keep).ok().filter(|keep| !keep.is_zero());
        let horizon = keep.and_then(|keep| process.clock.now().checked_sub_signed(keep));
        Ok(Self {
            stores,
            kinds: stores.store.data_kinds().await?,
            dropped: stores.drops.dropped().await?,
            horizon: horizon.map_or(i64::MIN, |at| at.timestamp_millis()),
            chunk_coins: process.config().transform.chunk_coins.max(1),
            currencies: Vec::new(),
            waiting: Vec::new(),
            quotes: 0,
            newest: HashMap::new(),
            verified: Verified::default(),
        })
    }

    pub(super) fn unreadable(&mut self) {
        self.verified.unreadable += 1;
    }

    /// Takes a page that has no quotes: only the ledger can tell whether it is loaded.
    pub(super) fn add_without_quotes(&mut self, page: &PageMeta) {
        self.verified.note_archived(page);
        self.verified.without_quotes += 1;
    }

    /// Whether a page belongs into the tables.
    pub(super) fn wants(&mut self, page: &PageMeta) -> bool {
        if self.dropped.contains(&page.batch) {
            self.verified.dropped += 1;
            return false;
        }
        let is_other = if page.simulated { self.kinds.real } else { self.kinds.simulated };
        self.verified.other_kind += u64::from(is_other);
        !is_other
    }

    /// Takes a page; looks up what waits when it is enough.
    pub(super) async fn add(&mut self, page: CleanedPage) -> anyhow::Result<()> {
        self.verified.note_archived(&page.meta);
        self.verified.pages += 1;
        for currency in &page.meta.convert {
            if !self.currencies.contains(currency) {
                self.currencies.push(currency.clone());
            }
        }
        self.quotes += page.chunks.iter().flatten().map(|chunk| chunk.quotes.len()).sum::<usize>();
        self.waiting.push(page);
        if self.quotes >= QUOTES || self.waiting.len() >= PAGES { self.look_up().await } else { Ok(()) }
    }

    /// Compares what waits.
    pub(super) async fn look_up(&mut self) -> anyhow::Result<()> {
        let pages = std::mem::take(&mut self.waiting);
        self.quotes = 0;
        let batches: BTreeSet<_> = pages.iter().map(|page| page.meta.batch.clone()).collect();
        let batches: Vec<_> = batches.into_iter().collect();
        let records = self.stores.ledger.batches_of(&batches).await?;
        let mut lines: BTreeMap<BatchId, Vec<LedgerLine>> = BTreeMap::new();
        for line in self.stores.proofs.lines_of(&batches).await? {
            lines.entry(line.batch.clone()).or_default().push(line);
        }
        let held = Held {
            quotes: self.held(&pages).await?,
            records: records.into_iter().map(|record| (record.id.clone(), record)).collect(),
            lines,
        };
        for page in &pages {
            self.judge(page, &held);
        }
        Ok(())
    }

    /// Which of the quotes of `pages` the history has.
    async fn held(&self, pages: &[CleanedPage]) -> anyhow::Result<HashMap<Key, Option<i64>>> {
        let keys = pages.iter().flat_map(|page| {
            let of_chunk = |chunk: &'_ ChunkKeys| self.keys(&page.meta, chunk).collect::<Vec<_>>();
            page.chunks.iter().flatten().flat_map(of_chunk)
        });
        let mut quotes: HashMap<Key, Option<i64>> = keys.map(|key| (key, None)).collect();
        let mut instants: Vec<_> = quotes.keys().map(|(at, ..)| *at).collect();
        instants.sort_unstable();
        instants.dedup();
        let Lookups { stretches, instants } = lookups(&instants);
        let mut note = |found: Vec<QuoteKey>| {
            for quote in found {
                let currency = self.currencies.iter().position(|known| *known == quote.currency);
                let at = quote.last_updated.timestamp_millis();
                let held = currency.and_then(|currency| quotes.get_mut(&(at, quote.coin_id, currency)));
                if let Some(held) = held {
                    *held = Some(quote.fetched_at.timestamp_millis());
                }
            }
        };
        for (from, to) in stretches {
            note(self.stores.proofs.quotes_between(instant(from), instant(to)).await?);
        }
        for instants in instants.chunks(INSTANTS) {
            let instants: Vec<_> = instants.iter().map(|at| instant(*at)).collect();
            note(self.stores.proofs.quotes_at(&instants).await?);
        }
        Ok(quotes)
    }

    /// The quotes of `chunk` that the history keeps.
    fn keys<'k>(&'k self, page: &'k PageMeta, chunk: &'k ChunkKeys) -> impl Iterator<Item = Key> + 'k {
        let numbers: Vec<_> = page
            .currencies()
            .iter()
            .map(|currency| self.currencies.iter().position(|known| known == currency).unwrap_or(0))
            .collect();
        let kept = chunk.quotes.iter().filter(|(_, _, at)| *at >= self.horizon);
        kept.map(move |&(coin, currency, at)| (at, coin, numbers[currency]))
    }

    /// Notes what is wrong with a page.
    fn judge(&mut self, page: &CleanedPage, held: &Held) {
        let meta = &page.meta;
        let record = held.records.get(&meta.batch);
        let Some(chunks) = &page.chunks else {
            self.verified.unreadable += 1;
            return;
        };
        let lines: Vec<_> = held.lines.get(&meta.batch).into_iter().flatten().collect();
        let lines: Vec<_> = lines.into_iter().filter(|line| line.page == meta.page).collect();
        // Chunks of another size hold other coins: only the page as a whole can be compared then.
        let is_same_cut = lines.iter().all(|line| {
            chunks.first().is_some_and(|chunk| chunk.chunks == line.chunks)
                && (line.chunks == 1 || line.size == Some(self.chunk_coins))
        });
        let spare = |lines: &[&LedgerLine], rejected: u64| {
            lines.iter().map(|line| line.rejected).sum::<u64>().saturating_sub(rejected)
        };
        let page_rejected = chunks.iter().map(|chunk| u64::from(chunk.rejected)).sum();
        let mut lacking_of_page: Vec<Key> = Vec::new();
        let mut of_page = 0;
        for chunk in chunks {
            let part = Part { batch: meta.batch.clone(), page: Some(meta.page), chunk: Some(chunk.chunk) };
            let (lacking, of) = self.lacking(meta, chunk, &part, held);
            of_page += of;
            let has_line = record.is_some_and(|record| !lacks(&record.missing, meta.page, chunk.chunk));
            if !has_line {
                let wrong = if lacking.is_empty() { Wrong::NoLine } else { Wrong::NotLoaded };
                self.note(part, wrong, &lacking);
            } else if is_same_cut {
                let own: Vec<_> = lines.iter().copied().filter(|line| line.chunk == chunk.chunk).collect();
                self.judge_lacking(part, &lacking, of, spare(&own, chunk.rejected.into()));
            } else {
                lacking_of_page.extend(lacking);
            }
        }
        let part = Part { batch: meta.batch.clone(), page: Some(meta.page), chunk: None };
        self.judge_lacking(part, &lacking_of_page, of_page, spare(&lines, page_rejected));
    }

    /// Notes that quotes of `part` are not in the history, unless they are of no more coins than were refused.
    fn judge_lacking(&mut self, part: Part, lacking: &[Key], of: u64, refused: u64) {
        let coins: BTreeSet<u32> = lacking.iter().map(|(_, coin, _)| *coin).collect();
        if coins.len() as u64 > refused {
            self.note(part, Wrong::NoRows { quotes: lacking.len() as u64, of }, lacking);
        } else {
            self.verified.refused += coins.len() as u64;
        }
    }

    /// Notes that `part` is wrong. What `quotes_latest` lacks of it needs no second word.
    fn note(&mut self, part: Part, wrong: Wrong, lacking: &[Key]) {
        for key in lacking {
            self.is_newest(*key, &part);
        }
        self.verified.note(part, wrong);
    }

    /// Notes that `part` has this quote, if none of the coin is newer.
    fn is_newest(&mut self, (at, coin, currency): Key, part: &Part) {
        if self.newest.get(&(coin, currency)).is_none_or(|(newest, _)| at > *newest) {
            self.newest.insert((coin, currency), (at, part.clone()));
        }
    }

    /// The quotes of `chunk`, which is `part`, that the history lacks, and how many it should have.
    fn lacking(&mut self, page: &PageMeta, chunk: &ChunkKeys, part: &Part, held: &Held) -> (Vec<Key>, u64) {
        let keys: Vec<_> = self.keys(page, chunk).collect();
        let of = keys.len() as u64;
        self.verified.too_old += chunk.quotes.len() as u64 - of;
        let needed =
            |key: &Key| timestamp::to_millis(page.quote_fetched_at(instant(key.0))).timestamp_millis();
        let is_there =
            |key: &Key| held.quotes.get(key).copied().flatten().is_some_and(|at| at >= needed(key));
        let (there, lacking): (Vec<_>, Vec<_>) = keys.into_iter().partition(is_there);
        self.verified.quotes += there.len() as u64;
        for key in there {
            self.is_newest(key, part);
        }
        (lacking, of)
    }

    /// Compares the newest quotes of all pages with `quotes_latest`.
    pub(super) async fn end(mut self) -> anyhow::Result<Verified> {
        for quote in self.stores.proofs.latest_quotes().await? {
            let currency = self.currencies.iter().position(|known| *known == quote.currency);
            let key = currency.map(|currency| (quote.coin_id, currency));
            let at = quote.last_updated.timestamp_millis();
            if let Some(key) = key
                && self.newest.get(&key).is_some_and(|(newest, _)| at >= *newest)
            {
                self.newest.remove(&key);
            }
        }
        let mut older: BTreeMap<Part, u64> = BTreeMap::new();
        for (_, part) in self.newest.into_values() {
            *older.entry(part).or_default() += 1;
        }
        for (part, quotes) in older {
            self.verified.note(part, Wrong::NotLatest { quotes });
        }
        Ok(self.verified)
    }
}

fn instant(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}
