//! Stores to look at: 10,000 coins, a year of one of them, and names that would be markup if anything let them.

use std::f64::consts::TAU;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ApiVersion, BatchId, Chunk, Coin, CoinRow, Fetched, Measure, MeasureSet, Origin, PageMeta, Quote, Slot,
};
use ports::{Clock, Store, SystemClock};
use sqlite::{Database, SqliteStore};

/// Coins in a full store.
pub(crate) const COINS: u32 = 10_000;
/// Hours of the first coin's history.
const YEAR: i64 = 365 * 24;
/// Hours of the history of those after it.
const WEEK: i64 = 7 * 24;

/// Names and symbols of the best ranked coins. Nothing of it may be more than text.
pub(crate) const HOSTILE: [(&str, &str); 8] = [
    ("Bitcoin", "BTC"),
    ("<script>document.title='owned'</script>", "<b>"),
    ("\"><img src=x onerror=\"document.title='owned'\">", "\"'>"),
    ("</title></td></table><h1>owned</h1>", "&lt;"),
    ("javascript:document.title='owned'", "{{7*7}}"),
    ("\u{202e}reversed and\u{200b}invisible", "\u{202e}X"),
    (
        "AVeryLongNameWithoutAnySpaceInItThatNoLineOfATelephoneEverHoldsAndThatMustBeBrokenSomewhere",
        "LOOOOOOOOOOOOOOOOOOOONG",
    ),
    ("👩‍👩‍👧‍👦 Zalgo H̵͍͑e̷ c̶o̴m̷e̸s", "👩‍👩‍👧‍👦"),
];

/// Names and symbols as they usually are.
pub(crate) const PLAIN: [(&str, &str); 12] = [
    ("Bitcoin", "BTC"),
    ("Ethereum", "ETH"),
    ("Tether", "USDT"),
    ("XRP", "XRP"),
    ("BNB", "BNB"),
    ("Solana", "SOL"),
    ("TRON", "TRX"),
    ("Dogecoin", "DOGE"),
    ("Cardano", "ADA"),
    ("Chainlink", "LINK"),
    ("Stellar", "XLM"),
    ("Litecoin", "LTC"),
];

/// What the best ranked coins are called.
type Names = &'static [(&'static str, &'static str)];

/// Does `work` with the store at `path`, beside a server that runs, too.
pub(crate) fn in_store(path: &Path, work: impl AsyncFnOnce(&SqliteStore, &dyn Clock)) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let database = Database::open(path).await.expect("a file");
        let store = SqliteStore::open(database.clone(), Arc::clone(&clock)).await.expect("a store");
        work(&store, &*clock).await;
        database.close().await;
    });
}

/// Fills the store at `path` with made-up quotes, of coins of which the first are called like `names`.
pub(crate) fn fill(path: &Path, names: Names) {
    in_store(path, async |store, clock| {
        let newest = Slot::current(clock.now(), Duration::from_hours(1)).starts_at();
        let best: Vec<u32> = (1..=25).collect();
        let of = |hours| if hours <= WEEK { &best[..] } else { &best[..1] };
        let at = |hours| chunk(names, newest - TimeDelta::hours(hours), of(hours), 1, 1);
        let year: Vec<_> = (1..=YEAR).rev().map(at).collect();
        for part in year.chunks(1000) {
            store.load_all(&part.iter().collect::<Vec<_>>()).await.expect("loaded");
        }
        let ids: Vec<_> = (1..=COINS).collect();
        let parts: Vec<_> = ids.chunks(1000).collect();
        let count = u32::try_from(parts.len()).expect("ten");
        for (part, number) in parts.into_iter().zip(1..) {
            store.load(&chunk(names, newest, part, number, count)).await.expect("loaded");
        }
        for hours in 0..48 {
            store.record_fetched(&fetched(newest - TimeDelta::hours(hours))).await.expect("recorded");
        }
    });
}

/// Loads the snapshot that began `hours` ago, of ten coins. Each hour they stand in another order: the first
/// goes to the end.
pub(crate) fn load_hour(path: &Path, hours: i64) {
    in_store(path, async |store, clock| {
        let slot = Slot::current(clock.now(), Duration::from_hours(1)).starts_at() - TimeDelta::hours(hours);
        let ids: Vec<_> = (1..=10).collect();
        let mut chunk = chunk(&PLAIN, slot, &ids, 1, 1);
        for row in &mut chunk.rows {
            let turned = (i64::from(row.coin.id) + hours).rem_euclid(10) + 1;
            let rank = u32::try_from(turned).expect("one of ten");
            row.quotes[0].numbers[Measure::CmcRank as usize] = Some(f64::from(rank));
        }
        store.load(&chunk).await.expect("loaded");
    });
}

fn batch(slot: DateTime<Utc>) -> BatchId {
    BatchId::new(Slot::at(slot), "listings", &["USD".to_owned()])
}

fn fetched(slot: DateTime<Utc>) -> Fetched {
    Fetched {
        batch: batch(slot),
        slot: Slot::at(slot),
        endpoint: "listings".to_owned(),
        api_version: ApiVersion::V3,
        convert: vec!["USD".to_owned()],
        fetched_at: slot + TimeDelta::seconds(5),
        pages: 1,
        credits: 50,
        simulated: true,
        verdict: None,
    }
}

fn chunk(names: Names, slot: DateTime<Utc>, ids: &[u32], number: u32, chunks: u32) -> Chunk {
    Chunk {
        page: PageMeta {
            batch: batch(slot),
            slot: Slot::at(slot),
            page: 1,
            pages: 1,
            fetched_at: slot + TimeDelta::seconds(5),
            endpoint: "listings".to_owned(),
            api_version: ApiVersion::V3,
            convert: vec!["USD".to_owned()],
            currency: None,
            simulated: true,
            origin: Origin::Live,
        },
        chunk: number,
        chunks,
        size: Some(1000),
        sorted: true,
        replay: None,
        transformed_at: slot + TimeDelta::seconds(6),
        coins_in: u32::try_from(ids.len()).expect("a thousand"),
        rejected: 0,
        rows: ids.iter().map(|&id| row(names, id, slot)).collect(),
    }
}

fn row(names: Names, id: u32, slot: DateTime<Utc>) -> CoinRow {
    let own = usize::try_from(id)
        .ok()
        .and_then(|id| names.get(id - 1))
        .map(|(name, symbol)| ((*name).to_owned(), (*symbol).to_owned()));
    let (name, symbol) = own.unwrap_or_else(|| (format!("Coin {id}"), format!("C{id}")));
    let coin = Coin {
        id,
        slug: format!("coin-{id}"),
        name,
        symbol,
        date_added: None,
        platform_id: None,
        platform_name: None,
        token_address: None,
        tags: None,
        infinite_supply: None,
        is_active: Some(true),
    };
    let traded = Traded::of(id);
    let (supply, price) = (traded.supply, traded.price(id, slot));
    let since = |hours| (price / traded.price(id, slot - TimeDelta::hours(hours)) - 1.0) * 100.0;
    let mut numbers = [None; Measure::COUNT];
    let mut set = |measure: Measure, number: f64| numbers[measure as usize] = Some(number);
    set(Measure::Price, price);
    set(Measure::CmcRank, f64::from(id));
    set(Measure::MarketCap, price * supply);
    set(Measure::Volume24h, price * supply / 30.0);
    set(Measure::PercentChange1h, since(1));
    set(Measure::PercentChange24h, since(24));
    set(Measure::PercentChange7d, since(WEEK));
    set(Measure::CirculatingSupply, supply);
    let quote =
        Quote { currency: "USD".to_owned(), numbers, missing: MeasureSet::default(), last_updated: slot };
    CoinRow { coin: coin.into(), quotes: vec![quote] }
}

/// A coin on the market.
#[derive(Clone, Copy)]
struct Traded {
    /// What it usually costs, in dollars.
    price: f64,
    /// How many there are.
    supply: f64,
    /// How far it rises and falls, as a part of its price.
    swing: f64,
}

const fn traded(price: f64, supply: f64, swing: f64) -> Traded {
    Traded { price, supply, swing }
}

/// The coins of [`PLAIN`], about as they were in 2026.
const TRADED: [Traded; PLAIN.len()] = [
    traded(92_000.0, 19.9e6, 0.05),
    traded(3_000.0, 120.6e6, 0.07),
    traded(1.0, 184.5e9, 0.0008),
    traded(2.4, 60.3e9, 0.08),
    traded(880.0, 137.7e6, 0.06),
    traded(138.0, 559.2e6, 0.09),
    traded(0.28, 94.7e9, 0.05),
    traded(0.15, 152.1e9, 0.1),
    traded(0.42, 35.9e9, 0.09),
    traded(13.0, 696.8e6, 0.1),
    traded(0.25, 32.2e9, 0.09),
    traded(84.0, 76.6e6, 0.08),
];
/// Periods of the waves that a price is made of, in days. None is a multiple of another, so their sum repeats nowhere.
const PERIODS: [f64; 7] = [97.3, 31.9, 11.3, 4.7, 1.9, 0.71, 0.23];

impl Traded {
    /// The coin with this id. Those that are none of [`TRADED`] are the smaller, the higher their id.
    fn of(id: u32) -> Self {
        let own = usize::try_from(id).ok().and_then(|id| TRADED.get(id - 1));
        own.copied().unwrap_or_else(|| traded(5_000.0 / f64::from(id).powf(1.3), 2e7, 0.1))
    }

    /// What the coin with this id costs at a time, in dollars.
    fn price(self, id: u32, at: DateTime<Utc>) -> f64 {
        let days = Duration::from_secs(at.timestamp().unsigned_abs()).as_secs_f64() / 86_400.0;
        let wave = |(number, period): (u32, &f64)| {
            let phase = f64::from(id) * 1.7 + f64::from(number) * 2.3;
            (days / period * TAU + phase).sin() * (period / PERIODS[0]).sqrt()
        };
        self.price * (1.0 + self.swing * (0..).zip(&PERIODS).map(wave).sum::<f64>())
    }
}
