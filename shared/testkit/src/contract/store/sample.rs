//! Small made-up chunks, announcements and letters, which the promises change to their needs.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ApiVersion, BatchId, Chunk, Class, Coin, CoinRow, DeadLetter, Fetched, Measure, MeasureSet, Origin,
    PageMeta, Quote, Schedule, Slot, StageName,
};
use ports::store::{AlertGroup, GroupState};

/// `seconds` after 2026-11-22 14:00 UTC, where the manual clock stands too.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_795_356_000 + seconds)
}

/// The batch of the slot that begins at [`at`]`(seconds)`.
pub fn batch(seconds: i64) -> BatchId {
    BatchId::new(Slot::at(at(seconds)), "listings", &["USD".to_owned()])
}

/// The only chunk of the only page of a batch that was due at [`at`]`(0)` and fetched one second later:
/// one [`row`] per id, priced like the id.
pub fn chunk(ids: &[u32]) -> Chunk {
    let rows: Vec<_> = ids.iter().map(|&id| row(id, f64::from(id), at(0))).collect();
    Chunk {
        page: PageMeta {
            batch: batch(0),
            slot: Slot::at(at(0)),
            page: 1,
            pages: 1,
            fetched_at: at(1),
            endpoint: "listings".to_owned(),
            api_version: ApiVersion::V3,
            convert: vec!["USD".to_owned()],
            currency: None,
            simulated: false,
            origin: Origin::Live,
        },
        chunk: 1,
        chunks: 1,
        size: None,
        sorted: false,
        replay: None,
        transformed_at: at(2),
        coins_in: u32::try_from(ids.len()).expect("a small sample"),
        rejected: 0,
        rows,
    }
}

/// A chunk with this one row, from a page fetched at `fetched_at`.
pub fn chunk_of(row: CoinRow, fetched_at: DateTime<Utc>) -> Chunk {
    let mut chunk = chunk(&[row.coin.id]);
    chunk.page.fetched_at = fetched_at;
    chunk.rows = vec![row];
    chunk
}

/// A coin with a price in USD.
pub fn row(id: u32, price: f64, last_updated: DateTime<Utc>) -> CoinRow {
    let coin = Coin {
        id,
        name: format!("Coin {id}"),
        symbol: format!("C{id}"),
        slug: format!("coin-{id}"),
        date_added: None,
        platform_id: None,
        platform_name: None,
        token_address: None,
        tags: None,
        infinite_supply: None,
        is_active: None,
    };
    CoinRow { coin: coin.into(), quotes: vec![quote("USD", price, last_updated)] }
}

/// A quote that has a price and no other number.
pub fn quote(currency: &str, price: f64, last_updated: DateTime<Utc>) -> Quote {
    let mut numbers = [None; Measure::COUNT];
    numbers[Measure::Price as usize] = Some(price);
    Quote { currency: currency.to_owned(), numbers, missing: MeasureSet::default(), last_updated }
}

/// The announcement of the batch of [`chunk`], with this many pages.
pub fn fetched(pages: u32) -> Fetched {
    Fetched {
        batch: batch(0),
        slot: Slot::at(at(0)),
        endpoint: "listings".to_owned(),
        api_version: ApiVersion::V3,
        convert: vec!["USD".to_owned()],
        fetched_at: at(1),
        pages,
        credits: 25,
        simulated: false,
        verdict: None,
    }
}

/// The schedule of [`batch`]: hourly, in force since then, and confirmed when it begins.
pub fn schedule(since: DateTime<Utc>) -> Schedule {
    Schedule {
        series: Schedule::QUOTES.to_owned(),
        endpoint: "listings".to_owned(),
        convert: vec!["USD".to_owned()],
        every: Duration::from_hours(1),
        coins: 1,
        since,
        simulated: false,
        confirmed_at: since,
    }
}

/// An incident of the fetcher.
pub fn letter(occasion: &str, first_seen_at: DateTime<Utc>) -> DeadLetter {
    let reason = format!("the API said no ({occasion})");
    DeadLetter::incident(StageName::Fetcher, "api_500", occasion, reason, first_seen_at)
}

/// A group that is open since `seen_at`, with a death of which nobody was told, an incident of no stage.
pub fn group(fingerprint: &str, seen_at: DateTime<Utc>) -> AlertGroup {
    AlertGroup {
        fingerprint: fingerprint.to_owned(),
        stage: None,
        class: Class::Incident,
        code: "c".to_owned(),
        reason: "it broke".to_owned(),
        state: GroupState::Open,
        first_seen_at: seen_at,
        last_seen_at: seen_at,
        total: 1,
        unsent: 1,
        mailed_at: None,
        mailed_total: 0,
        opened_at: seen_at,
        resolved_at: None,
        resolution: None,
        episodes: 1,
        opened_total: 0,
        flapping_since: seen_at,
        flaps: 1,
        told_at: None,
    }
}

/// Numbers that look random and are the same in every run (xorshift).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice for one `round`; different rounds roll differently.
    pub fn new(round: u32) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ u64::from(round) << 32)
    }

    /// An index below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % count as u64).expect("below a usize")
    }

    /// `items` in a random order, about half of them twice.
    pub fn shuffle_with_repeats<T: Clone>(&mut self, items: &[T]) -> Vec<T> {
        let mut shuffled = items.to_vec();
        for item in items {
            if self.below(2) == 0 {
                shuffled.push(item.clone());
            }
        }
        for last in (1..shuffled.len()).rev() {
            shuffled.swap(last, self.below(last + 1));
        }
        shuffled
    }
}
