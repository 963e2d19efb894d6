//! Properties of cleaning, for any input, and whole responses.

use domain::{CoinRow, Measure};
use proptest::prelude::*;
use serde_json::Value;

use super::testing::{clean_coins, rows_of};
use super::*;
use crate::odd_json::{any_json, odd_coin};
use crate::test_page::{TestCoin, body, instant, meta, now};

mod rules;

fn check_nothing_is_lost(coins: &[String]) -> Result<(), TestCaseError> {
    let page = body(coins);
    let cleaned = clean(&meta(), &page, now()).expect("the page is a listing");
    let rows = rows_of(&cleaned);
    prop_assert_eq!(cleaned.coins_in(), coins.len());
    for (reject, later) in cleaned.rejects.iter().zip(cleaned.rejects.iter().skip(1)) {
        prop_assert!(reject.index < later.index, "rejects are in order, and each coin is rejected once");
    }
    for reject in &cleaned.rejects {
        prop_assert_eq!(&reject.raw, &coins[reject.index]);
    }
    let mut ids: Vec<_> = rows.iter().map(|row| row.coin.id).collect();
    ids.sort_unstable();
    ids.dedup();
    prop_assert_eq!(ids.len(), rows.len(), "a page gives each id once");
    for quote in rows.iter().flat_map(|row| &row.quotes) {
        prop_assert!(quote.numbers.iter().flatten().all(|number| number.is_finite()));
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_coin_is_lost_whatever_happened_to_it(coins in proptest::collection::vec(odd_coin(), 0..20)) {
        check_nothing_is_lost(&coins)?;
    }

    #[test]
    fn no_coin_is_lost_whatever_it_is(coins in proptest::collection::vec(any_json(), 0..8)) {
        check_nothing_is_lost(&coins)?;
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = clean(&meta(), &bytes, now());
    }

    #[test]
    fn no_damage_to_a_page_makes_it_panic(
        coins in proptest::collection::vec(odd_coin(), 1..4),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut page = body(&coins);
        let at = at.index(page.len());
        page[at] = byte;
        if cut {
            page.truncate(at);
        }
        let _ = clean(&meta(), &page, now());
    }
}

#[test]
fn an_empty_page_is_clean() {
    let page = body(&[]);
    let cleaned = clean(&meta(), &page, now()).unwrap();
    assert_eq!((rows_of(&cleaned), &cleaned.rejects[..]), (Vec::new(), &[][..]));
}

#[test]
fn each_row_has_the_cleaned_numbers_of_its_own_coin_and_currency() {
    let page = PageMeta { convert: vec!["USD".to_owned(), "EUR".to_owned()], ..meta() };
    let coin = |id: u32| {
        let coin = TestCoin::new(id).also_in("EUR").set("max_supply", &id.to_string());
        let in_currency = |coin: TestCoin, currency, whole: u32| {
            coin.set_in(currency, "price", &format!("{id}.{whole}0006")).set_in(
                currency,
                "percent_change_24h",
                &format!("{id}.{whole}0006"),
            )
        };
        in_currency(in_currency(coin, "USD", 1), "EUR", 2)
    };
    let cleaned =
        clean_coins(&page, &[coin(1), coin(2).set("slug", "null"), coin(3).set("cmc_rank", "-1"), coin(4)]);
    let numbers = |row: &CoinRow| {
        row.quotes
            .iter()
            .map(|quote| {
                [Measure::Price, Measure::PercentChange24h, Measure::MaxSupply]
                    .map(|measure| quote.get(measure).unwrap())
            })
            .collect::<Vec<_>>()
    };
    let found: Vec<_> = rows_of(&cleaned).iter().map(numbers).collect();
    let expected = [[[1.10006, 1.1, 1.0], [1.20006, 1.2, 1.0]], [[4.10006, 4.1, 4.0], [4.20006, 4.2, 4.0]]];
    assert_eq!(found, expected);
}

/// Where a plan allows one currency in a request, each page of a batch has its own.
#[test]
fn a_page_in_one_of_the_currencies_of_its_batch_has_quotes_in_that_one() {
    let convert = vec!["USD".to_owned(), "EUR".to_owned()];
    let coin = TestCoin::new(1).also_in("EUR").set_in("EUR", "price", "2.5");
    for (currency, expected) in [(None, 2), (Some("EUR"), 1)] {
        let page = PageMeta { convert: convert.clone(), currency: currency.map(str::to_owned), ..meta() };
        let cleaned = clean_coins(&page, std::slice::from_ref(&coin));
        let rows = rows_of(&cleaned);
        assert_eq!(rows[0].quotes.len(), expected);
        let last = rows[0].quotes.last().unwrap();
        assert_eq!((last.currency.as_str(), last.get(Measure::Price)), ("EUR", Some(2.5)));
    }
    let page = PageMeta { convert, currency: Some("BTC".to_owned()), ..meta() };
    assert_eq!(clean_coins(&page, &[coin]).rejects[0].rule, "currency_missing");
}

#[test]
fn a_null_price_is_a_row_without_a_price() {
    let cleaned = clean_coins(&meta(), &[TestCoin::new(1).set("quote.price", "null")]);
    let quote = &rows_of(&cleaned)[0].quotes[0];
    assert_eq!((quote.get(Measure::Price), quote.missing.is_empty()), (None, true));
}

/// That the API stopped sending it is told by the fetcher; the rows say it, too, each for itself.
#[test]
fn a_field_that_no_coin_has_is_missing_from_each_row_and_null_is_not() {
    let coin = |id| TestCoin::new(id).remove("quote.volume_24h").remove("cmc_rank").set("max_supply", "null");
    let page: Vec<_> = (1..=10).map(coin).collect();
    let expected = [Measure::Volume24h, Measure::CmcRank].into_iter().collect();
    let cleaned = clean_coins(&meta(), &page);
    let missing: Vec<_> = rows_of(&cleaned).iter().map(|row| row.quotes[0].missing).collect();
    assert_eq!(missing, [expected; 10]);
}

/// All coins of a whole response pass, with ids, texts, prices and supplies as in the file.
#[test]
fn whole_responses_keep_every_bit() {
    for listing in lab::listings() {
        let bytes = std::fs::read(&listing.path).unwrap();
        let convert = listing.currencies.iter().map(|currency| (*currency).to_owned()).collect();
        let cleaned =
            clean(&PageMeta { convert, ..meta() }, &bytes, instant("2026-11-22T14:00:00Z")).unwrap();
        let rows = rows_of(&cleaned);
        assert_eq!((rows.len(), cleaned.rejects.len()), (listing.coins, 0));
        let page: Value = serde_json::from_slice(&bytes).unwrap();
        for (row, sent) in rows.iter().zip(page["data"].as_array().unwrap()) {
            assert_eq!(row.coin.id, sent["id"]);
            assert_eq!(
                [&row.coin.name, &row.coin.symbol, &row.coin.slug],
                ["name", "symbol", "slug"].map(|key| &sent[key])
            );
            assert_eq!(row.quotes.len(), listing.currencies.len());
            for (index, quote) in row.quotes.iter().enumerate() {
                let in_currency = match &sent["quote"] {
                    Value::Array(quotes) => &quotes[index],
                    quotes => &quotes[&quote.currency],
                };
                has_numbers_of(quote, sent, in_currency);
            }
        }
    }
}

/// The quote has the numbers that were sent, those beside the coin and those in its currency, to the last bit.
fn has_numbers_of(quote: &domain::Quote, coin: &Value, in_currency: &Value) {
    for measure in Measure::ALL.into_iter().filter(|measure| {
        matches!(measure.kind(), domain::Kind::Price | domain::Kind::Supply | domain::Kind::Count)
    }) {
        let of = if measure.is_per_coin() { coin } else { in_currency };
        let expected = of[measure.column()].as_f64().map(f64::to_bits);
        let found = quote.get(measure).map(f64::to_bits);
        assert_eq!(found, expected, "{} in {} of {coin}", measure.column(), quote.currency);
    }
}
