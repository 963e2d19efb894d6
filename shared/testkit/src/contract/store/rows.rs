//! What [`Store::load`] promises about the rows.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Chunk, Coin, CoinRow, Measure, MeasureSet, Origin, Quote};

use super::StoreLab;
use super::sample::{Dice, at, batch, chunk, chunk_of, quote, row};
use crate::clock::ManualClock;
use crate::memory::MemoryStore;
use crate::tables::{QuoteEntry, Tables};
use ports::store::{Loaded, Store};

async fn load(lab: &impl StoreLab, chunk: &Chunk) -> Loaded {
    lab.store().load(chunk).await.expect("the chunk loads")
}

fn counts(loaded: &Loaded) -> (u64, u64, u64) {
    assert_eq!(loaded.refused, []);
    (loaded.written, loaded.unchanged, loaded.stale)
}

fn prices(entries: &[QuoteEntry]) -> Vec<f64> {
    entries.iter().map(|entry| entry.quote.get(Measure::Price).expect("a price")).collect()
}

/// Tiny and huge prices, supplies beyond 2^53, the edges of doubles: no bit is lost.
pub async fn doubles_are_kept_bit_for_bit(lab: &impl StoreLab) {
    let values = [
        5e-18,
        1e-30,
        1e6,
        0.1 + 0.2,
        97_123.456_789_012_34,
        9_007_199_254_740_994.0,
        589_735_030_408_322_800.0,
        1e24 + 1e9,
        1.0 / 3.0,
        -12.5,
        f64::from_bits(1),
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::MIN,
    ];
    let rows = (1..).zip(values).map(|(id, value)| {
        let mut row = row(id, value, at(0));
        for (number, measure) in row.quotes[0].numbers.iter_mut().zip(Measure::ALL) {
            let whole = measure.kind() == domain::Kind::Count;
            *number = Some(if whole { f64::from(u32::MAX - id) } else { value });
        }
        row
    });
    let chunk = Chunk { rows: rows.collect(), ..chunk(&[]) };
    load(lab, &chunk).await;
    let tables = lab.tables().await;
    let bits = |quote: &Quote| quote.numbers.map(|number| number.map(f64::to_bits));
    let of = |entries: &[QuoteEntry]| entries.iter().map(|entry| bits(&entry.quote)).collect::<Vec<_>>();
    let sent = || chunk.rows.iter().map(|row| row.quotes[0].clone());
    assert_eq!(of(&tables.latest), sent().map(|quote| bits(&quote)).collect::<Vec<_>>());
    let kept = sent().map(Quote::kept_in_history);
    assert_eq!(of(&tables.history), kept.map(|quote| bits(&quote)).collect::<Vec<_>>());
}

/// Each measure as 0, as null and as missing.
pub async fn zero_null_and_missing_stay_apart(lab: &impl StoreLab) {
    let mut rows = [row(1, 0.0, at(0)), row(2, 0.0, at(0)), row(3, 0.0, at(0))];
    rows[0].quotes[0].numbers = [Some(0.0); Measure::COUNT];
    rows[1].quotes[0].numbers = [None; Measure::COUNT];
    rows[2].quotes[0].numbers = [None; Measure::COUNT];
    rows[2].quotes[0].missing = Measure::ALL.into_iter().collect();
    let mut mixed = row(4, 1.5, at(0));
    mixed.quotes[0].missing = MeasureSet::from_iter([Measure::MaxSupply, Measure::CmcRank]);
    let chunk = Chunk { rows: rows.into_iter().chain([mixed]).collect(), ..chunk(&[]) };
    load(lab, &chunk).await;
    let Tables { latest, history, .. } = lab.tables().await;
    let of = |entries: Vec<QuoteEntry>| entries.into_iter().map(|entry| entry.quote).collect::<Vec<_>>();
    let sent = || chunk.rows.iter().map(|row| row.quotes[0].clone());
    assert_eq!(of(latest), sent().collect::<Vec<_>>());
    assert_eq!(of(history), sent().map(Quote::kept_in_history).collect::<Vec<_>>());
}

/// Symbols, names and the like hold whatever the API sends, and case and trailing blanks count.
pub async fn any_text_is_kept(lab: &impl StoreLab) {
    let long = "Ü".repeat(300);
    let texts = [
        "",
        " ",
        "BTC",
        "btc",
        "BTC ",
        "\u{1f680}\u{1f468}\u{200d}\u{1f469}",
        "a,b;\"c\"'d'",
        "line\r\nbreak\ttab",
        "\u{202e}عملة",
        "nul\0inside",
        "'; DROP TABLE coins; --",
        "%_\\",
        &long,
    ];
    let rows = (1..).zip(texts).map(|(id, text)| {
        let mut row = row(id, 1.0, at(0));
        row.coin.symbol = text.into();
        row.coin.name = text.into();
        row.coin.slug = text.into();
        row.coin.token_address = Some(text.to_owned());
        row.coin.tags = Some(vec![text.to_owned(), text.to_owned()]);
        row.quotes[0].currency = text.into();
        row
    });
    let mut rows: Vec<_> = rows.collect();
    // The same coin under all of the names: each is an identity of its own, and a currency of its own.
    rows.extend(texts.map(|text| {
        let mut row = row(1000, 1.0, at(0));
        row.coin.symbol = text.into();
        row.quotes[0].currency = text.into();
        row
    }));
    let loaded = load(lab, &Chunk { rows: rows.clone(), ..chunk(&[]) }).await;
    assert_eq!(counts(&loaded), (rows.len() as u64, 0, 0));
    let tables = lab.tables().await;
    for (row, read) in rows.iter().zip(&tables.coins).take(texts.len()) {
        assert_eq!(read.coin, *row.coin);
    }
    let identities = tables.identities.iter().filter(|identity| identity.coin_id == 1000);
    let mut sorted = texts.to_vec();
    sorted.sort_unstable();
    assert_eq!(identities.map(|identity| identity.symbol.as_str()).collect::<Vec<_>>(), sorted);
    let quotes = tables.latest.iter().filter(|entry| entry.coin_id == 1000);
    assert_eq!(quotes.map(|entry| entry.quote.currency.as_str()).collect::<Vec<_>>(), sorted);
}

/// Everything a coin and a quote have, set and not set.
pub async fn every_column_is_kept(lab: &impl StoreLab) {
    let mut full = row(u32::MAX, 2.0, at(-60));
    *full.coin = Coin {
        date_added: Some(at(-1_000_000)),
        platform_id: Some(1027),
        platform_name: Some("BNB Smart Chain (BEP20)".to_owned()),
        token_address: Some("0xdac17f958d2ee523a2206206994597c13d831ec7".to_owned()),
        tags: Some(vec!["stablecoin".to_owned(), "ethereum-ecosystem".to_owned()]),
        infinite_supply: Some(false),
        is_active: Some(true),
        ..Coin::clone(&full.coin)
    };
    for (n, number) in (1_u32..).zip(&mut full.quotes[0].numbers) {
        *number = Some(f64::from(n));
    }
    let mut bare = row(1, 1.0, at(0));
    bare.coin.tags = Some(Vec::new());
    bare.coin.infinite_supply = Some(true);
    let chunk = Chunk { rows: vec![bare, full], ..chunk(&[]) };
    load(lab, &chunk).await;
    let tables = lab.tables().await;
    for (index, row) in chunk.rows.iter().enumerate() {
        assert_eq!(tables.coins[index].coin, *row.coin);
        assert_eq!((tables.coins[index].first_seen_at, tables.coins[index].last_seen_at), (at(1), at(1)));
        let entry = QuoteEntry {
            coin_id: row.coin.id,
            quote: row.quotes[0].clone(),
            fetched_at: at(1),
            batch: batch(0),
        };
        assert_eq!(tables.latest[index], entry);
        let quote = entry.quote.clone().kept_in_history();
        assert_eq!(tables.history[index], QuoteEntry { quote, ..entry });
    }
}

/// One millisecond makes a quote newer; what is below is cut off.
pub async fn instants_are_kept_to_the_millisecond(lab: &impl StoreLab) {
    let millisecond = TimeDelta::milliseconds(1);
    let below = TimeDelta::microseconds(999);
    load(lab, &chunk_of(row(1, 1.0, at(0)), at(1))).await;
    let same = load(lab, &chunk_of(row(1, 2.0, at(0) + below), at(1))).await;
    assert_eq!(counts(&same), (0, 1, 0));
    let mut newer = row(1, 3.0, at(0) + millisecond);
    newer.coin.date_added = Some(at(-5) + below);
    assert_eq!(counts(&load(lab, &chunk_of(newer, at(1) + millisecond + below)).await), (1, 0, 0));
    let tables = lab.tables().await;
    assert_eq!(tables.latest[0].quote.last_updated, at(0) + millisecond);
    assert_eq!(tables.latest[0].fetched_at, at(1) + millisecond);
    assert_eq!(tables.coins[0].coin.date_added, Some(at(-5)));
    assert_eq!(tables.coins[0].last_seen_at, at(1) + millisecond);
}

/// `last_updated` decides, not the order of arrival and not the fetch time.
pub async fn a_newer_quote_wins_and_an_older_one_only_enters_the_history(lab: &impl StoreLab) {
    for (price, last_updated, fetched_at, expected) in [
        (1.0, at(0), at(10), (1, 0, 0)),
        (2.0, at(60), at(11), (1, 0, 0)),
        (3.0, at(30), at(99), (0, 0, 1)),
        (4.0, at(90), at(5), (1, 0, 0)),
    ] {
        let loaded = load(lab, &chunk_of(row(1, price, last_updated), fetched_at)).await;
        assert_eq!(counts(&loaded), expected, "price {price}");
    }
    let tables = lab.tables().await;
    assert_eq!(prices(&tables.latest), [4.0]);
    assert_eq!(prices(&tables.history), [1.0, 3.0, 2.0, 4.0]);
}

/// The same chunk again.
pub async fn a_repeat_changes_no_table(lab: &impl StoreLab) {
    let chunk = chunk(&[1, 2, 3]);
    assert_eq!(counts(&load(lab, &chunk).await), (3, 0, 0));
    let before = lab.tables().await;
    assert_eq!(counts(&load(lab, &chunk).await), (0, 3, 0));
    assert_eq!(lab.tables().await, before);
}

/// In both tables, in both orders of arrival.
pub async fn of_equal_last_updated_the_later_fetch_wins(lab: &impl StoreLab) {
    for (id, loads) in [(1, [(1.0, at(10), 1), (2.0, at(20), 1)]), (2, [(2.0, at(20), 1), (1.0, at(10), 0)])]
    {
        for (price, fetched_at, written) in loads {
            let loaded = load(lab, &chunk_of(row(id, price, at(0)), fetched_at)).await;
            assert_eq!(counts(&loaded), (written, 1 - written, 0), "coin {id} price {price}");
        }
    }
    let tables = lab.tables().await;
    assert_eq!(prices(&tables.latest), [2.0, 2.0]);
    assert_eq!(prices(&tables.history), [2.0, 2.0]);
}

/// And of no later one, in whatever order they come; what was made by older rules does not come back.
pub async fn a_rebuild_takes_the_place_of_its_own_fetch(lab: &impl StoreLab) {
    let of = |origin: Origin, price: f64, fetched_at: i64| {
        let mut chunk = chunk_of(row(1, price, at(0)), at(fetched_at));
        chunk.rows[0].coin.tags = Some(vec![price.to_string()]);
        chunk.page.origin = origin;
        chunk
    };
    for (origin, price, fetched_at, expected, held) in [
        (Origin::Live, 1.0, 10, (1, 0, 0), 1.0),
        (Origin::Replay, 2.0, 10, (0, 1, 0), 1.0),
        (Origin::Rebuild, 3.0, 10, (1, 0, 0), 3.0),
        (Origin::Rebuild, 3.0, 10, (0, 1, 0), 3.0),
        (Origin::Live, 1.0, 10, (0, 1, 0), 3.0),
        (Origin::Rebuild, 4.0, 9, (0, 1, 0), 3.0),
        (Origin::Live, 5.0, 11, (1, 0, 0), 5.0),
        (Origin::Rebuild, 6.0, 10, (0, 1, 0), 5.0),
    ] {
        assert_eq!(counts(&load(lab, &of(origin, price, fetched_at)).await), expected, "{origin} {price}");
        let tables = lab.tables().await;
        assert_eq!(prices(&tables.latest), [held], "{origin} {price}");
        assert_eq!(prices(&tables.history), [held], "{origin} {price}");
        assert_eq!(tables.coins[0].coin.tags, Some(vec![held.to_string()]), "{origin} {price}");
    }
    let mut twice = of(Origin::Rebuild, 7.0, 11);
    twice.rows.push(of(Origin::Rebuild, 8.0, 11).rows.remove(0));
    assert_eq!(counts(&load(lab, &twice).await), (1, 1, 0));
    let tables = lab.tables().await;
    assert_eq!((prices(&tables.latest), prices(&tables.history)), (vec![7.0], vec![7.0]));
    assert_eq!(tables.coins[0].coin.tags, Some(vec!["7".to_owned()]));
}

/// In whatever order the fetches come. A number that was null before is not the same.
pub async fn a_quote_seen_again_is_unchanged_and_names_its_newest_fetch(lab: &impl StoreLab) {
    let with = |batch_at: i64| {
        let mut chunk = chunk_of(row(1, 0.1 + 0.2, at(0)), at(batch_at + 1));
        chunk.page.batch = batch(batch_at);
        chunk
    };
    assert_eq!(counts(&load(lab, &with(3600)).await), (1, 0, 0));
    assert_eq!(counts(&load(lab, &with(7200)).await), (0, 1, 0));
    assert_eq!(counts(&load(lab, &with(0)).await), (0, 1, 0));
    let tables = lab.tables().await;
    for entries in [&tables.latest, &tables.history] {
        assert_eq!(prices(entries), [0.1 + 0.2]);
        assert_eq!((entries[0].fetched_at, &entries[0].batch), (at(7201), &batch(7200)));
    }
    let mut changed = with(7300);
    changed.rows[0].quotes[0].numbers[Measure::MaxSupply as usize] = Some(0.0);
    assert_eq!(counts(&load(lab, &changed).await), (1, 0, 0));
}

/// An older page neither takes back the description nor the time last seen.
pub async fn the_newest_description_wins_and_seen_times_span_all(lab: &impl StoreLab) {
    let mut described = row(1, 1.0, at(0));
    described.coin.tags = Some(vec!["new".to_owned()]);
    described.coin.is_active = Some(false);
    let mut plain = row(1, 1.0, at(0));
    plain.coin.platform_id = Some(7);
    plain.coin.platform_name = Some("Solana".to_owned());
    for (row, fetched_at) in [(&plain, at(20)), (&described, at(30)), (&plain, at(10)), (&plain, at(25))] {
        load(lab, &chunk_of(row.clone(), fetched_at)).await;
    }
    let coins = lab.tables().await.coins;
    assert_eq!(coins.len(), 1);
    assert_eq!(coins[0].coin, *described.coin);
    assert_eq!((coins[0].first_seen_at, coins[0].last_seen_at), (at(10), at(30)));
}

/// A rename adds an identity; each spans the fetches that showed it.
pub async fn every_identity_is_kept(lab: &impl StoreLab) {
    let with = |symbol: &str, slug: &str, fetched_at: DateTime<Utc>| {
        let mut row = row(3890, 1.0, at(0));
        row.coin.symbol = symbol.into();
        row.coin.slug = slug.into();
        chunk_of(row, fetched_at)
    };
    for (symbol, slug, fetched_at) in [
        ("POL", "polygon", at(30)),
        ("MATIC", "polygon", at(10)),
        ("MATIC", "polygon", at(20)),
        ("POL", "polygon-ecosystem", at(40)),
        ("POL", "polygon", at(35)),
    ] {
        load(lab, &with(symbol, slug, fetched_at)).await;
    }
    let identities = lab.tables().await.identities;
    let lines: Vec<_> = identities
        .iter()
        .map(|line| (line.symbol.as_str(), line.slug.as_str(), line.first_seen_at, line.last_seen_at))
        .collect();
    assert_eq!(
        lines,
        [
            ("MATIC", "polygon", at(10), at(20)),
            ("POL", "polygon", at(30), at(35)),
            ("POL", "polygon-ecosystem", at(40), at(40)),
        ]
    );
}

/// Each currency of a coin has its own newest quote.
pub async fn currencies_do_not_mix(lab: &impl StoreLab) {
    let with = |usd: Quote, eur: Quote| CoinRow { quotes: vec![usd, eur], ..row(1, 0.0, at(0)) };
    let first = with(quote("USD", 1.0, at(0)), quote("EUR", 10.0, at(50)));
    assert_eq!(counts(&load(lab, &chunk_of(first, at(1))).await), (2, 0, 0));
    let second = with(quote("USD", 2.0, at(9)), quote("EUR", 20.0, at(40)));
    assert_eq!(counts(&load(lab, &chunk_of(second, at(2))).await), (1, 0, 1));
    let tables = lab.tables().await;
    let latest: Vec<_> =
        tables.latest.iter().map(|entry| entry.quote.currency.as_str()).zip(prices(&tables.latest)).collect();
    assert_eq!(latest, [("EUR", 10.0), ("USD", 2.0)]);
    assert_eq!(prices(&tables.history), [20.0, 10.0, 1.0, 2.0]);
}

/// Its rows are judged one after the other, as if they came in chunks of one.
pub async fn a_chunk_may_repeat_a_coin(lab: &impl StoreLab) {
    let rows = vec![row(1, 1.0, at(10)), row(1, 2.0, at(20)), row(1, 3.0, at(5)), row(1, 4.0, at(20))];
    let loaded = load(lab, &Chunk { rows, ..chunk(&[]) }).await;
    assert_eq!(counts(&loaded), (2, 1, 1));
    let tables = lab.tables().await;
    assert_eq!(tables.coins.len(), 1);
    assert_eq!(prices(&tables.latest), [2.0]);
    assert_eq!(prices(&tables.history), [3.0, 1.0, 2.0]);
}

/// Twenty random orders with repeats, each on coins of its own, against the plain order without repeats.
pub async fn any_order_and_any_duplication_gives_the_same_tables(lab: &impl StoreLab) {
    let oracle = MemoryStore::new(Arc::new(ManualClock::default()));
    for round in 0..20 {
        let chunks = numbered_chunks(round);
        for chunk in &chunks {
            oracle.load(chunk).await.expect("the oracle loads");
        }
        for chunk in Dice::new(round).shuffle_with_repeats(&chunks) {
            let loaded = load(lab, &chunk).await;
            let (written, unchanged, stale) = counts(&loaded);
            let quotes = chunk.rows.iter().map(|row| row.quotes.len() as u64).sum::<u64>();
            assert_eq!(written + unchanged + stale, quotes);
        }
    }
    let (tables, expected) = (lab.tables().await, oracle.tables());
    assert_eq!(tables.coins, expected.coins);
    assert_eq!(tables.identities, expected.identities);
    assert_eq!(tables.latest, expected.latest);
    assert_eq!(tables.history, expected.history);
}

/// Six snapshots of two chunks of five coins in two currencies. Every price is a number of its own, so a
/// wrong winner shows. A coin's `last_updated` moves only with every second snapshot, sometimes backwards,
/// and some coins are renamed.
pub fn numbered_chunks(round: u32) -> Vec<Chunk> {
    let mut number = 0.0;
    let mut chunks = Vec::new();
    for snapshot in 0..6_i64 {
        for part in 1..=2 {
            let mut chunk = chunk(&[]);
            chunk.page.batch = batch(snapshot * 3600);
            chunk.page.fetched_at = at(snapshot * 3600 + 5);
            chunk.chunk = part;
            chunk.chunks = 2;
            for id in 1..=5 {
                let updated = at(snapshot / 2 * 3600 * if id == 3 { -1 } else { 1 });
                number += 1.0;
                let mut row = row(round * 100 + part * 10 + id, number, updated);
                row.quotes.push(quote("EUR", number + 0.5, updated));
                if id == 4 {
                    row.coin.symbol = format!("S{}", snapshot / 3);
                }
                row.coin.tags = Some(vec![snapshot.to_string()]);
                chunk.rows.push(row);
            }
            chunks.push(chunk);
        }
    }
    chunks
}

/// More rows and currencies than one statement of any database takes, some of them known already.
pub async fn large_chunks_load_whole(lab: &impl StoreLab) {
    let rows_of = |from: u32, last_updated: DateTime<Utc>| {
        let rows = (from..from + 1111).map(|id| CoinRow {
            quotes: ["USD", "EUR", "BTC"].map(|currency| quote(currency, f64::from(id), last_updated)).into(),
            ..row(id, 0.0, last_updated)
        });
        rows.collect::<Vec<_>>()
    };
    assert_eq!(counts(&load(lab, &Chunk { rows: rows_of(1, at(0)), ..chunk(&[]) }).await), (3333, 0, 0));
    assert_eq!(counts(&load(lab, &Chunk { rows: rows_of(1000, at(0)), ..chunk(&[]) }).await), (2997, 336, 0));
    let Tables { coins, identities, latest, history } = lab.tables().await;
    assert_eq!((coins.len(), identities.len(), latest.len(), history.len()), (2110, 2110, 6330, 6330));
    assert!(latest.iter().all(|entry| entry.quote.get(Measure::Price) == Some(f64::from(entry.coin_id))));
}

/// The oldest first, and the latest quotes stay however old they are.
pub async fn old_history_is_pruned_in_steps(lab: &impl StoreLab) {
    let store = lab.store();
    for (id, last_updated) in [(1, 10), (1, 30), (2, 20), (3, 5), (3, 30), (4, 0)] {
        load(lab, &chunk_of(row(id, 1.0, at(last_updated)), at(100))).await;
    }
    let left = async || {
        let history = lab.tables().await.history;
        history.iter().map(|entry| (entry.coin_id, entry.quote.last_updated)).collect::<Vec<_>>()
    };
    let latest = lab.tables().await.latest;
    assert_eq!(store.prune_history(at(30), 2).await.expect("pruned"), 2);
    assert_eq!(left().await, [(1, at(10)), (1, at(30)), (2, at(20)), (3, at(30))]);
    assert_eq!(store.prune_history(at(30), 100).await.expect("pruned"), 2);
    assert_eq!(left().await, [(1, at(30)), (3, at(30))]);
    assert_eq!(store.prune_history(at(30), 100).await.expect("pruned"), 0);
    assert_eq!(lab.tables().await.latest, latest);
}
