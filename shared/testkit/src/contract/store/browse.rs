//! What looking at the market, and at one coin, promises.

use domain::{Chunk, CoinRow, Measure};

use super::StoreLab;
use super::sample::{at, batch, chunk, chunk_of, fetched, quote, row};
use ports::store::{
    Browse, CoinIdentity, CurrencyUse, KeyValue, MarketColumn, MarketKey, MarketQuery, MarketSort,
    MarketTable, NewestSnapshot, Search, Start, Store,
};

/// All coins of the newest snapshot in USD, the best ranked first.
pub fn everything() -> MarketQuery {
    MarketQuery {
        currency: "USD".to_owned(),
        listed_only: true,
        search: None,
        sort: MarketSort { by: MarketColumn::Measure(Measure::CmcRank), descending: false },
        start: Start::Row(0),
        limit: 100,
    }
}

fn ids(table: &MarketTable) -> Vec<u32> {
    table.rows.iter().map(|row| row.coin.id).collect()
}

async fn look(lab: &impl StoreLab, query: &MarketQuery) -> MarketTable {
    lab.store().market(query).await.expect("the market")
}

/// A coin with these numbers in USD, and no others.
fn with(id: u32, numbers: &[(Measure, f64)]) -> CoinRow {
    let mut row = row(id, 1.0, at(i64::from(id % 7)));
    for (measure, number) in numbers {
        row.quotes[0].numbers[*measure as usize] = Some(*number);
    }
    row
}

/// Nothing, rather than an error.
pub async fn an_empty_market_is_a_table_too(lab: &impl StoreLab) {
    let store = lab.store();
    assert_eq!(look(lab, &everything()).await, MarketTable::default());
    assert_eq!(store.currencies().await.expect("currencies"), []);
    assert_eq!(store.coin(1).await.expect("a coin"), None);
}

/// Both ways; of equal ones the smaller id comes first, both ways.
pub async fn the_market_is_sorted_by_any_column_with_nothing_last(lab: &impl StoreLab) {
    let rank = Measure::CmcRank;
    let change = Measure::PercentChange24h;
    let mut rows = vec![
        with(20, &[(rank, 100.0), (change, -5.0), (Measure::Price, 1e-17)]),
        with(3, &[(rank, 9.0), (change, 0.0), (Measure::Price, 1e300)]),
        with(11, &[(change, 12.5), (Measure::Price, 3.0)]),
        with(4, &[(rank, 9.0), (change, -5.0), (Measure::Price, 3.0)]),
        with(12, &[(Measure::Price, -0.5)]),
    ];
    for (row, (name, symbol)) in
        rows.iter_mut().zip([("beta", "Z"), ("Alpha", "y"), ("alpha", "x"), ("ALPHA 2", "Y"), ("Ωmega", "0")])
    {
        let mut coin = (*row.coin).clone();
        name.clone_into(&mut coin.name);
        symbol.clone_into(&mut coin.symbol);
        row.coin = coin.into();
    }
    lab.store().load(&Chunk { rows, ..chunk(&[]) }).await.expect("loads");
    for (by, ascending, descending) in [
        (MarketColumn::Measure(rank), [3, 4, 20, 11, 12], [20, 3, 4, 11, 12]),
        (MarketColumn::Measure(change), [4, 20, 3, 11, 12], [11, 3, 4, 20, 12]),
        (MarketColumn::Measure(Measure::Price), [12, 20, 4, 11, 3], [3, 4, 11, 20, 12]),
        (MarketColumn::Measure(Measure::Tvl), [3, 4, 11, 12, 20], [3, 4, 11, 12, 20]),
        (MarketColumn::Name, [3, 11, 4, 20, 12], [12, 20, 4, 3, 11]),
        (MarketColumn::Symbol, [12, 11, 3, 4, 20], [20, 3, 4, 11, 12]),
        (MarketColumn::LastUpdated, [3, 4, 11, 12, 20], [20, 12, 4, 11, 3]),
    ] {
        for (descending, expected) in [(false, ascending), (true, descending)] {
            let sort = MarketSort { by, descending };
            let table = look(lab, &MarketQuery { sort, ..everything() }).await;
            assert_eq!(ids(&table), expected, "{sort:?}");
            assert_eq!(table.total, 5);
            // From any row on, by its key, which comes back from its text.
            for limit in [1, 2, 5] {
                for (place, row) in table.rows.iter().enumerate() {
                    let key = by.key(&row.key.to_string());
                    assert_eq!(key.as_ref(), Some(&row.key), "{}", row.key);
                    let start = Start::After(row.key.clone());
                    let next = look(lab, &MarketQuery { sort, start, limit, ..everything() }).await;
                    let rest: Vec<_> = expected.into_iter().skip(place + 1).take(limit as usize).collect();
                    assert_eq!(ids(&next), rest, "{sort:?} after {}", row.key);
                    assert_eq!(next.total, 5);
                    let start = Start::Row(place as u64);
                    let page = look(lab, &MarketQuery { sort, start, limit, ..everything() }).await;
                    let page_ids: Vec<_> = expected.into_iter().skip(place).take(limit as usize).collect();
                    assert_eq!(ids(&page), page_ids, "{sort:?} at {place}");
                }
            }
        }
    }
    assert_eq!(MarketColumn::named("percent_change_24h"), Some(MarketColumn::Measure(change)));
    assert_eq!(MarketColumn::named("coin_id; DROP TABLE history"), None);
    assert_eq!(MarketColumn::Measure(rank).key("1~NaN"), None);
    let key = MarketKey { id: 1, value: Some(KeyValue::Text("a~b".to_owned())) };
    assert_eq!(MarketColumn::Name.key("1~a~b"), Some(key));
}

/// Whatever the names are: each character is only itself, and the case of letters does not count.
pub async fn a_search_means_what_it_says(lab: &impl StoreLab) {
    let names = [
        (1, "Bitcoin", "BTC"),
        (2, "100% Bit_coin", "BTC"),
        (3, "it's \"quoted\" \\ here", "Q'"),
        (4, "БИТКОИН", "БТЦ"),
        (5, "Élan É", "ÉL"),
        (6, "<script>alert(1)</script>", "XSS"),
        (7, "币安人生", "币安人生"),
        (17, "a!b [c] *?", "$"),
    ];
    let rows = names.map(|(id, name, symbol)| {
        let mut row = with(id, &[(Measure::CmcRank, f64::from(id))]);
        let mut coin = (*row.coin).clone();
        name.clone_into(&mut coin.name);
        symbol.clone_into(&mut coin.symbol);
        row.coin = coin.into();
        row
    });
    lab.store().load(&Chunk { rows: rows.to_vec(), ..chunk(&[]) }).await.expect("loads");
    let contains: &[(&str, &[u32])] = &[
        ("bit", &[1, 2]),
        ("%", &[2]),
        ("_", &[2]),
        ("t_c", &[2]),
        ("\\", &[3]),
        ("'", &[3]),
        ("\"QUOTED", &[3]),
        ("битк", &[4]),
        ("БиТкОиН", &[4]),
        ("élan", &[5]),
        ("ÉLAN é", &[5]),
        ("<SCRIPT", &[6]),
        ("人", &[7]),
        ("!", &[17]),
        ("[C]", &[17]),
        ("*?", &[17]),
        ("coin-7", &[7]),
        // The id, and what has its digits.
        ("7", &[7, 17]),
        ("1", &[1, 2, 6, 17]),
        ("no such coin", &[]),
        ("нет", &[]),
        ("' OR 1=1 --", &[]),
    ];
    for (text, expected) in contains {
        let search = Some(Search::Contains((*text).to_owned()));
        let table = look(lab, &MarketQuery { search: search.clone(), ..everything() }).await;
        assert_eq!((ids(&table).as_slice(), table.total), (*expected, expected.len() as u64), "{text}");
        let second: Vec<_> = expected.iter().skip(1).take(1).copied().collect();
        let after_first = table.rows.first().map(|row| Start::After(row.key.clone()));
        for start in [Start::Row(1)].into_iter().chain(after_first) {
            let page = MarketQuery { search: search.clone(), limit: 1, start, ..everything() };
            let page = look(lab, &page).await;
            assert_eq!((ids(&page), page.total), (second.clone(), table.total), "{text}");
        }
    }
    let exactly: &[(&str, &[u32])] = &[
        ("btc", &[1, 2]),
        ("bitcoin", &[1]),
        ("бтц", &[4]),
        ("биткоин", &[4]),
        ("бит", &[]),
        ("币安人生", &[7]),
        ("coin-17", &[17]),
        ("7", &[7]),
        ("%", &[]),
        ("Q'", &[3]),
    ];
    for (text, expected) in exactly {
        let search = Some(Search::Exactly((*text).to_owned()));
        let sort = MarketSort { by: MarketColumn::Name, descending: true };
        let table = look(lab, &MarketQuery { search, sort, ..everything() }).await;
        let mut found = ids(&table);
        found.sort_unstable();
        assert_eq!((found.as_slice(), table.total), (*expected, expected.len() as u64), "{text}");
    }
}

fn snapshot(ids: &[u32], slot: i64) -> Chunk {
    let mut chunk = chunk(ids);
    (chunk.page.batch, chunk.page.fetched_at) = (batch(slot), at(slot + 1));
    chunk.rows = ids.iter().map(|id| with(*id, &[(Measure::CmcRank, f64::from(*id))])).collect();
    for row in &mut chunk.rows {
        row.quotes[0].last_updated = at(slot);
    }
    chunk
}

/// Whatever the order in which the snapshots came.
pub async fn coins_that_left_are_in_the_whole_market_alone(lab: &impl StoreLab) {
    for chunk in [snapshot(&[2, 3], 3600), snapshot(&[1, 2], 0)] {
        lab.store().load(&chunk).await.expect("loads");
    }
    let newest = Some(NewestSnapshot { batch: batch(3600), fetched_at: at(3601) });
    let listed = look(lab, &everything()).await;
    assert_eq!((ids(&listed), listed.total, &listed.newest), (vec![2, 3], 2, &newest));
    let all = look(lab, &MarketQuery { listed_only: false, ..everything() }).await;
    assert_eq!((ids(&all), all.total, &all.newest), (vec![1, 2, 3], 3, &newest));
    let is_listed: Vec<_> = all.rows.iter().map(|row| row.is_listed).collect();
    assert_eq!(is_listed, [false, true, true]);
    assert_eq!((&all.rows[0].coin.batch, all.rows[0].coin.fetched_at), (&batch(0), at(1)));
    let coin = lab.store().coin(1).await.expect("answers").expect("is known");
    assert!(!coin.is_listed);
    assert_eq!(look(lab, &MarketQuery { currency: "usd".to_owned(), ..everything() }).await.total, 0);
}

/// As the newest snapshot was asked for them.
pub async fn the_currencies_of_the_newest_snapshot_come_first(lab: &impl StoreLab) {
    let store = lab.store();
    let mut old = row(3, 1.0, at(0));
    old.quotes = vec![quote("BTC", 1.0, at(0)), quote("AUD", 1.0, at(0))];
    store.load(&chunk_of(old, at(5))).await.expect("loads");
    let mut oldest = row(4, 1.0, at(0));
    oldest.quotes = vec![quote("ZAR", 1.0, at(0))];
    store.load(&chunk_of(oldest, at(4))).await.expect("loads");
    let mut announced = fetched(1);
    announced.convert = ["USD", "EUR"].map(str::to_owned).to_vec();
    announced.batch = domain::BatchId::new(announced.slot, "listings", &announced.convert);
    store.record_fetched(&announced).await.expect("records");
    let mut newest = chunk(&[1, 2]);
    for row in &mut newest.rows {
        row.quotes.insert(0, quote("EUR", 2.0, at(0)));
    }
    newest.page.batch = announced.batch;
    newest.page.convert = announced.convert;
    newest.page.fetched_at = at(10);
    store.load(&newest).await.expect("loads");
    let expected = [("USD", 2, 10), ("EUR", 2, 10), ("AUD", 1, 5), ("BTC", 1, 5), ("ZAR", 1, 4)];
    let expected = expected.map(|(currency, coins, newest)| CurrencyUse {
        currency: currency.to_owned(),
        coins,
        newest_fetch_at: at(newest),
    });
    assert_eq!(store.currencies().await.expect("currencies"), expected);
}

/// Its description, its newest quote in each currency with all numbers, and what it was called.
pub async fn a_coin_is_told_whole(lab: &impl StoreLab) {
    let store = lab.store();
    let mut old = row(1, 5.0, at(0));
    old.quotes.push(quote("EUR", 4.0, at(0)));
    store.load(&chunk_of(old, at(1))).await.expect("loads");
    let mut new = row(1, 6.0, at(100));
    let mut coin = (*new.coin).clone();
    "Renamed".clone_into(&mut coin.name);
    coin.tags = Some(vec!["mineable".to_owned()]);
    coin.date_added = Some(at(-1000));
    new.coin = coin.clone().into();
    for measure in Measure::ALL {
        new.quotes[0].numbers[measure as usize] = Some(f64::from(measure as u8) + 1.0);
    }
    new.quotes[0].numbers[Measure::MaxSupply as usize] = None;
    new.quotes[0].missing.insert(Measure::MaxSupply);
    let mut later = chunk_of(new.clone(), at(101));
    later.page.batch = batch(3600);
    store.load(&later).await.expect("loads");
    store.load(&snapshot(&[2], 3600)).await.expect("loads");

    let told = store.coin(1).await.expect("answers").expect("is known");
    assert_eq!(told.coin, coin);
    assert_eq!((told.first_seen_at, told.last_seen_at, told.is_listed), (at(1), at(101), true));
    let identity = |name: &str, seen| CoinIdentity {
        symbol: "C1".to_owned(),
        name: name.to_owned(),
        slug: "coin-1".to_owned(),
        first_seen_at: at(seen),
        last_seen_at: at(seen),
    };
    assert_eq!(told.identities, [identity("Coin 1", 1), identity("Renamed", 101)]);
    let [eur, usd] = &told.quotes[..] else { panic!("{told:?}") };
    assert_eq!((eur.quote.currency.as_str(), &eur.batch, eur.since), ("EUR", &batch(0), Some(at(0))));
    assert_eq!(usd.quote, new.quotes[0]);
    assert_eq!((usd.fetched_at, &usd.batch, usd.since), (at(101), &batch(3600), Some(at(0))));
    assert_eq!(store.coin(3).await.expect("answers"), None);
    // The history may be gone; what is the newest stays.
    store.prune_history(at(50), 100).await.expect("prunes");
    let told = store.coin(1).await.expect("answers").expect("is known");
    let since: Vec<_> = told.quotes.iter().map(|quote| quote.since).collect();
    assert_eq!(since, [None, Some(at(100))]);
}
