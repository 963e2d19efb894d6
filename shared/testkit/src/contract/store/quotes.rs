//! What the read side of the quotes promises.

use domain::{Chunk, Measure};

use super::StoreLab;
use super::sample::{at, batch, chunk, chunk_of, quote, row};
use crate::tables::Tables;
use ports::store::{
    Freshness, Ledger, Letters, ListedCoin, MailTrouble, Outbox, Quotes, Store, TopCoin, Totals,
};

/// Nothing, rather than an error.
pub async fn an_empty_store_answers(lab: &impl StoreLab) {
    let store = lab.store();
    store.ready().await.expect("ready");
    assert_eq!(store.totals().await.expect("totals"), Totals::default());
    assert_eq!(store.freshness().await.expect("freshness"), Freshness::default());
    assert_eq!(store.top("USD", 10).await.expect("top"), []);
    assert_eq!(store.listed("USD").await.expect("listed"), []);
    assert_eq!(store.batches(10).await.expect("batches"), []);
    assert_eq!(store.batch(&batch(0)).await.expect("batch"), None);
    assert_eq!(store.groups(None).await.expect("groups"), []);
    assert_eq!(store.letters(None, 10).await.expect("letters"), []);
    assert_eq!(store.letter("no such letter").await.expect("letter"), None);
    assert_eq!(store.trouble().await.expect("trouble"), MailTrouble::default());
    assert_eq!(lab.tables().await, Tables::default());
}

/// Over all currencies.
pub async fn totals_count_rows_and_tell_the_newest(lab: &impl StoreLab) {
    let store = lab.store();
    let mut both = row(1, 1.0, at(10));
    both.quotes.push(quote("EUR", 2.0, at(30)));
    for chunk in
        [chunk_of(both, at(40)), chunk_of(row(2, 1.0, at(20)), at(50)), chunk_of(row(2, 1.0, at(5)), at(60))]
    {
        store.load(&chunk).await.expect("loads");
    }
    let expected = Totals { coins: 2, quotes_latest: 3, quotes_history: 4 };
    assert_eq!(store.totals().await.expect("totals"), expected);
    let expected = Freshness { newest_quote_at: Some(at(30)), newest_fetch_at: Some(at(50)) };
    assert_eq!(store.freshness().await.expect("freshness"), expected);
}

/// Also when a quote takes the place of one that was fetched later, and says more.
pub async fn freshness_never_goes_back(lab: &impl StoreLab) {
    let store = lab.store();
    for (last_updated, fetched_at, newest_quote_at, newest_fetch_at) in
        [(10, 50, 10, 50), (20, 40, 20, 50), (15, 60, 20, 50), (20, 61, 20, 61)]
    {
        store.load(&chunk_of(row(1, 1.0, at(last_updated)), at(fetched_at))).await.expect("loads");
        let expected = Freshness {
            newest_quote_at: Some(at(newest_quote_at)),
            newest_fetch_at: Some(at(newest_fetch_at)),
        };
        assert_eq!(store.freshness().await.expect("freshness"), expected, "{last_updated} {fetched_at}");
    }
}

/// By what the API said, whenever it was loaded.
pub async fn the_newest_quote_of_a_currency_is_told_when_it_is_new_enough(lab: &impl StoreLab) {
    let store = lab.store();
    let mut both = row(1, 1.0, at(10));
    both.quotes.push(quote("EUR", 2.0, at(30)));
    for chunk in
        [chunk_of(both, at(40)), chunk_of(row(2, 1.0, at(20)), at(50)), chunk_of(row(3, 1.0, at(5)), at(60))]
    {
        store.load(&chunk).await.expect("loads");
    }
    for (currency, since, expected) in [
        ("USD", 0, Some(20)),
        ("USD", 20, Some(20)),
        ("USD", 21, None),
        ("EUR", 21, Some(30)),
        ("EUR", 31, None),
        ("BTC", 0, None),
    ] {
        let newest = store.newest_in(currency, at(since)).await.expect("answers");
        assert_eq!(newest, expected.map(at), "{currency} since {since}");
    }
}

/// Within one currency; coins of equal rank by id.
pub async fn the_best_ranked_come_first_and_the_unranked_last(lab: &impl StoreLab) {
    let store = lab.store();
    let ranked = |id, rank: Option<u32>, currency: &str| {
        let mut row = row(id, f64::from(id), at(i64::from(id)));
        row.quotes[0].currency = currency.into();
        row.quotes[0].numbers[Measure::CmcRank as usize] = rank.map(f64::from);
        row
    };
    let mut rows = vec![
        ranked(10, None, "USD"),
        ranked(11, Some(100), "USD"),
        ranked(12, Some(20), "USD"),
        ranked(13, Some(3), "USD"),
        ranked(14, Some(20), "USD"),
        ranked(15, None, "USD"),
        ranked(16, Some(1), "EUR"),
    ];
    let numbers = [
        (Measure::PercentChange1h, 1.5),
        (Measure::PercentChange24h, -2.5),
        (Measure::PercentChange7d, 0.0),
        (Measure::MarketCap, 1e12),
    ];
    for (measure, number) in numbers {
        rows[3].quotes[0].numbers[measure as usize] = Some(number);
    }
    store.load(&Chunk { rows, ..chunk(&[]) }).await.expect("loads");

    let names = |top: Vec<TopCoin>| top.into_iter().map(|coin| coin.name).collect::<Vec<_>>();
    let all = store.top("USD", 100).await.expect("top");
    assert_eq!(
        all[0],
        TopCoin {
            rank: Some(3),
            name: "Coin 13".to_owned(),
            symbol: "C13".to_owned(),
            currency: "USD".to_owned(),
            price: Some(13.0),
            percent_change_1h: Some(1.5),
            percent_change_24h: Some(-2.5),
            percent_change_7d: Some(0.0),
            market_cap: Some(1e12),
            last_updated: at(13),
        }
    );
    assert_eq!(all[5].rank, None);
    assert_eq!(names(all), ["Coin 13", "Coin 12", "Coin 14", "Coin 11", "Coin 10", "Coin 15"]);
    assert_eq!(names(store.top("USD", 2).await.expect("top")), ["Coin 13", "Coin 12"]);
    assert_eq!(names(store.top("EUR", 2).await.expect("top")), ["Coin 16"]);
    assert_eq!(names(store.top("usd", 2).await.expect("top")), Vec::<String>::new());
}

/// Whatever the order in which the snapshots came.
pub async fn coins_that_left_the_listing_are_not_ranked(lab: &impl StoreLab) {
    let store = lab.store();
    let snapshot = |ids: &[u32], slot: i64| {
        let mut chunk = chunk(ids);
        (chunk.page.batch, chunk.page.fetched_at) = (batch(slot), at(slot + 1));
        chunk.rows = ids.iter().map(|id| row(*id, 1.0, at(slot))).collect();
        chunk
    };
    for chunk in [snapshot(&[2, 3], 3600), snapshot(&[1, 2], 0)] {
        store.load(&chunk).await.expect("loads");
    }
    let names = |top: Vec<TopCoin>| top.into_iter().map(|coin| coin.name).collect::<Vec<_>>();
    assert_eq!(names(store.top("USD", 10).await.expect("top")), ["Coin 2", "Coin 3"]);
    let listed = |id| ListedCoin {
        id,
        symbol: format!("C{id}"),
        name: format!("Coin {id}"),
        slug: format!("coin-{id}"),
        fetched_at: at(3601),
        last_updated: at(3600),
    };
    assert_eq!(store.listed("USD").await.expect("listed"), [listed(2), listed(3)]);
    assert_eq!(store.listed("EUR").await.expect("listed"), []);
}
