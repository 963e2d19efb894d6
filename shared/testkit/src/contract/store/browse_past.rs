//! What looking at the past promises.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Chunk, CoinRow, Measure};

use super::StoreLab;
use super::browse::everything;
use super::sample::{Dice, at, batch, chunk, quote, row};
use crate::clock::ManualClock;
use crate::memory::MemoryStore;
use ports::store::{
    Browse, ChartPoint, Divided, HistorySpan, MarketColumn, MarketQuery, MarketSort, MarketThen, PastQuote,
    Search, Start, Store,
};

fn snapshot(rows: Vec<CoinRow>, seconds: i64) -> Chunk {
    let mut chunk = chunk(&[]);
    (chunk.page.batch, chunk.page.fetched_at) = (batch(seconds / 3600 * 3600), at(seconds + 1));
    Chunk { rows, ..chunk }
}

/// A quote at each of these seconds, a chunk for each.
async fn past(lab: &impl StoreLab, prices: &[(i64, Option<f64>)]) {
    for (second, price) in prices {
        let mut row = row(1, 0.0, at(*second));
        row.quotes[0].numbers[Measure::Price as usize] = *price;
        row.quotes[0].numbers[Measure::Volume24h as usize] = price.map(|price| price * 10.0);
        row.quotes.push(quote("EUR", 1e6, at(*second)));
        lab.store().load(&snapshot(vec![row], *second)).await.expect("loads");
    }
}

fn span(from: i64, until: i64, parts: u32) -> Divided {
    Divided::new(at(from), at(until), parts)
}

/// A part of a span says where it began and ended, and what was between: also a peak of one quote among hundreds.
pub async fn a_peak_stays_in_the_chart(lab: &impl StoreLab) {
    past(
        lab,
        &[
            (-1, Some(7.0)),
            (0, Some(3.0)),
            (10, Some(900.0)),
            (20, Some(1.0)),
            (99, Some(2.0)),
            (100, Some(4.0)),
            (250, None),
            (299, Some(5.0)),
            (300, Some(8.0)),
        ],
    )
    .await;
    let store = lab.store();
    let point = |first: i64, last: i64, prices: [f64; 4], quotes| ChartPoint {
        first_at: at(first),
        last_at: at(last),
        first: prices[0],
        low: prices[1],
        high: prices[2],
        last: prices[3],
        volume_24h: Some(prices[3] * 10.0),
        market_cap: None,
        quotes,
    };
    let chart = store.chart(1, "USD", span(0, 300, 3)).await.expect("a chart");
    let expected =
        [point(0, 99, [3.0, 1.0, 900.0, 2.0], 4), point(100, 100, [4.0; 4], 1), point(299, 299, [5.0; 4], 1)];
    assert_eq!(chart, expected);
    let chart = store.chart(1, "USD", span(0, 300, 1)).await.expect("a chart");
    assert_eq!(chart, [point(0, 299, [3.0, 1.0, 900.0, 5.0], 6)]);
    // More parts than seconds: as many as there are quotes.
    let chart = store.chart(1, "USD", span(0, 300, 100_000)).await.expect("a chart");
    assert_eq!(chart.len(), 6);
    for empty in [span(301, 400, 10), span(300, 0, 10), span(0, 0, 0)] {
        assert_eq!(store.chart(1, "USD", empty).await.expect("a chart"), []);
    }
    assert_eq!(store.chart(1, "usd", span(0, 300, 1)).await.expect("a chart"), []);
    assert_eq!(store.chart(2, "USD", span(0, 300, 1)).await.expect("a chart"), []);
}

/// One query for all of them.
pub async fn sparklines_are_the_last_price_of_each_part(lab: &impl StoreLab) {
    for second in [0, 50, 100, 150, 260] {
        let price = f64::from(u32::try_from(second).expect("small"));
        let rows = vec![row(1, price, at(second)), row(2, price + 0.5, at(second + 1))];
        lab.store().load(&snapshot(rows, second)).await.expect("loads");
    }
    past(lab, &[(299, None)]).await;
    let lines = lab.store().sparklines(&[2, 9, 1], "USD", span(0, 300, 3)).await.expect("lines");
    let expected = [
        // Its last quote of all has no price.
        (1, vec![(at(50), 50.0), (at(150), 150.0)]),
        (2, vec![(at(51), 50.5), (at(151), 150.5), (at(261), 260.5)]),
    ];
    assert_eq!(lines, BTreeMap::from(expected));
    assert_eq!(lab.store().sparklines(&[], "USD", span(0, 300, 3)).await.expect("lines"), BTreeMap::new());
}

/// Of each coin the newest quote that there was, unless it had left.
pub async fn the_market_is_told_as_it_was(lab: &impl StoreLab) {
    for (second, ids) in [(0, vec![1, 2, 3]), (100, vec![2, 3]), (200, vec![1, 2, 3])] {
        let rows = ids.iter().map(|&id| row(id, f64::from(id) + f64::from(second), at(i64::from(second))));
        lab.store().load(&snapshot(rows.collect(), i64::from(second))).await.expect("loads");
    }
    let market = async |seconds: i64, before: i64, after: u32, limit: u32| {
        let then = MarketThen { currency: "USD".to_owned(), at: at(seconds), after: at(before) };
        let coins = lab.store().market_then(&then, after, limit).await.expect("the market");
        coins.into_iter().map(|coin| (coin.id, coin.quote.get(Measure::Price).expect("a price"))).collect()
    };
    let all: Vec<(u32, f64)> = market(150, -1, 0, 10).await;
    assert_eq!(all, [(1, 1.0), (2, 102.0), (3, 103.0)]);
    assert_eq!(market(150, -1, 0, 2).await, all[..2]);
    assert_eq!(market(150, -1, 2, 2).await, all[2..]);
    assert_eq!(market(150, 0, 0, 10).await, all[1..]);
    assert_eq!(market(200, 0, 0, 10).await, [(1, 201.0), (2, 202.0), (3, 203.0)]);
    assert_eq!(market(199, 100, 0, 10).await, []);
    assert_eq!(market(-1, -1000, 0, 10).await, []);
}

/// Each quote once, however many have one instant, and in both directions.
pub async fn the_history_is_read_page_by_page(lab: &impl StoreLab) {
    let store = lab.store();
    for second in [0, 1, 3600] {
        let rows = (1..=5).map(|id| {
            let mut row = row(id, f64::from(id), at(second / 2 * 2));
            row.quotes.push(quote("EUR", 1.0, at(second)));
            row
        });
        store.load(&snapshot(rows.collect(), second)).await.expect("loads");
    }
    let span = |of: Option<(u32, &str)>, newest_first| HistorySpan {
        from: at(0),
        until: at(3600),
        of: of.map(|(id, currency)| (id, currency.to_owned())),
        newest_first,
    };
    let key = |it: &PastQuote| (it.quote.last_updated, it.coin_id, it.quote.currency.clone());
    for (of, expected) in [(None, 15), (Some((3, "EUR")), 2), (Some((3, "USD")), 1), (Some((9, "USD")), 0)] {
        for newest_first in [false, true] {
            let span = span(of, newest_first);
            let whole = store.history(&span, None, 1000).await.expect("the history");
            assert_eq!(whole.len(), expected, "{span:?}");
            assert!(whole.iter().all(|it| it.batch == batch(0) && it.quote.get(Measure::Price).is_some()));
            let mut keys: Vec<_> = whole.iter().map(key).collect();
            if newest_first {
                keys.reverse();
            }
            assert!(keys.is_sorted() && keys.windows(2).all(|two| two[0] != two[1]), "{keys:?}");
            for limit in [1, 2, 7] {
                let mut paged: Vec<PastQuote> = Vec::new();
                loop {
                    let page = store.history(&span, paged.last(), limit).await.expect("a page");
                    if page.is_empty() {
                        break;
                    }
                    assert!(page.len() <= limit as usize);
                    paged.extend(page);
                }
                assert_eq!(paged, whole, "{limit}");
            }
        }
    }
}

/// Random quotes, and random questions: the store says what the one in memory says, which goes through every row.
pub async fn any_question_is_answered_as_by_the_simplest_code(lab: &impl StoreLab) {
    let (store, simplest) = (lab.store(), MemoryStore::new(Arc::new(ManualClock::default())));
    let mut dice = Dice::new(17);
    let hours = 30;
    for hour in 0..hours {
        let mut rows: Vec<_> = (1..=12).map(|id| rolled(id, hour, &mut dice)).collect();
        rows.retain(|_| dice.below(5) > 0);
        let chunk = snapshot(rows, i64::from(hour) * 3600);
        store.load(&chunk).await.expect("loads");
        simplest.load(&chunk).await.expect("loads");
    }
    assert_eq!(store.currencies().await.expect("answers"), simplest.currencies().await.expect("answers"));
    for id in 0..=13 {
        assert_eq!(store.coin(id).await.expect("answers"), simplest.coin(id).await.expect("answers"), "{id}");
    }
    let columns = [MarketColumn::Name, MarketColumn::Symbol, MarketColumn::LastUpdated];
    let columns: Vec<_> =
        columns.into_iter().chain(Measure::ALL.into_iter().map(MarketColumn::Measure)).collect();
    let mut start = Start::Row(0);
    for _ in 0..150 {
        let texts = ["c1", "coin", "1", "O", "x"].map(str::to_owned);
        let search = texts.get(dice.below(10)).cloned().map(Search::Contains);
        let query = MarketQuery {
            currency: ["USD", "EUR"][dice.below(2)].to_owned(),
            listed_only: dice.below(2) == 0,
            search,
            sort: MarketSort { by: columns[dice.below(columns.len())], descending: dice.below(2) == 0 },
            start: Start::Row(dice.below(3) as u64),
            limit: u32::try_from(dice.below(6)).expect("small"),
        };
        let expected = simplest.market(&query).await.expect("answers");
        assert_eq!(store.market(&query).await.expect("answers"), expected, "{query:?}");
        if let Some(row) = expected.rows.last() {
            start = Start::After(row.key.clone());
            let query = MarketQuery { start: start.clone(), ..query };
            let expected = simplest.market(&query).await.expect("answers");
            assert_eq!(store.market(&query).await.expect("answers"), expected, "{query:?}");
        }
    }
    assert_ne!(start, everything().start, "some page had rows");
    for _ in 0..60 {
        let (from, until) = (instant(&mut dice, hours), instant(&mut dice, hours));
        let parts = u32::try_from(1 + dice.below(40)).expect("small");
        let span = Divided::new(from, until, parts);
        let coin = u32::try_from(1 + dice.below(13)).expect("small");
        let expected = simplest.chart(coin, "USD", span).await.expect("answers");
        assert_eq!(store.chart(coin, "USD", span).await.expect("answers"), expected, "{coin} {span:?}");
        assert!(expected.len() <= parts as usize);
        let mut in_pieces = Vec::new();
        for piece in span.pieces(1 + coin % 5) {
            in_pieces.extend(store.chart(coin, "USD", piece).await.expect("answers"));
        }
        assert_eq!(in_pieces, expected, "{coin} {span:?} in pieces");
        let coins = [coin, 3, 7];
        let expected = simplest.sparklines(&coins, "EUR", span).await.expect("answers");
        assert_eq!(store.sparklines(&coins, "EUR", span).await.expect("answers"), expected, "{span:?}");
        let then = MarketThen { currency: "USD".to_owned(), at: until, after: from };
        let expected = simplest.market_then(&then, coin / 2, 5).await.expect("answers");
        assert_eq!(store.market_then(&then, coin / 2, 5).await.expect("answers"), expected, "{then:?}");
        let of = (dice.below(2) == 0).then(|| (coin, "EUR".to_owned()));
        let span = HistorySpan { from, until, of, newest_first: dice.below(2) == 0 };
        let expected = Browse::history(&simplest, &span, None, 40).await.expect("answers");
        assert_eq!(store.history(&span, None, 40).await.expect("answers"), expected, "{span:?}");
        let after = expected.get(expected.len() / 2);
        let expected = Browse::history(&simplest, &span, after, 9).await.expect("answers");
        assert_eq!(store.history(&span, after, 9).await.expect("answers"), expected, "{span:?}");
    }
}

fn instant(dice: &mut Dice, hours: u32) -> DateTime<Utc> {
    let milliseconds = dice.below(hours as usize * 3_600_000);
    at(0) + TimeDelta::milliseconds(i64::try_from(milliseconds).expect("small"))
}

/// A coin whose quotes have some numbers, many of them the same as those of others.
fn rolled(id: u32, hour: u32, dice: &mut Dice) -> CoinRow {
    let changed = |dice: &mut Dice| {
        at(i64::from(hour) * 3600 - 60)
            + TimeDelta::milliseconds(i64::try_from(dice.below(50_000)).expect("small"))
    };
    let mut row = row(id, 1.0, changed(dice));
    row.quotes.push(quote("EUR", 1.0, changed(dice)));
    for quote in &mut row.quotes {
        for measure in Measure::ALL {
            let number = u32::try_from(dice.below(4)).expect("small");
            quote.numbers[measure as usize] = (number > 0).then(|| f64::from(number));
        }
        if quote.get(Measure::Tvl).is_none() {
            quote.missing.insert(Measure::Tvl);
        }
    }
    row
}
