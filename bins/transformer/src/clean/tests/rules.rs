//! What each cleaning rule promises, on whole pages.

use std::collections::HashSet;

use domain::{Measure, PageMeta};

use crate::clean::testing::{clean_coins, rows_of};
use crate::rules::CHECKS;
use crate::test_page::{TestCoin, instant, meta};

/// The page's only coin breaks `rule`, and this is the reason.
fn check(coin: &TestCoin, rule: &str, reason: &str) {
    let cleaned = clean_coins(&meta(), std::slice::from_ref(coin));
    let [reject] = &cleaned.rejects[..] else { panic!("{rule}: passed") };
    assert_eq!((reject.rule, reject.reason.as_str()), (rule, reason));
    assert!(rows_of(&cleaned).is_empty());
    assert_eq!(reject.raw, coin.json());
}

fn check_passes(coin: &TestCoin) {
    let cleaned = clean_coins(&meta(), std::slice::from_ref(coin));
    assert_eq!(cleaned.rejects, []);
    assert_eq!(rows_of(&cleaned).len(), 1);
}

fn usd_and_eur() -> PageMeta {
    PageMeta { convert: vec!["USD".to_owned(), "EUR".to_owned()], ..meta() }
}

#[test]
fn every_rule_has_its_own_name() {
    let names: HashSet<_> = CHECKS.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), CHECKS.len());
}

#[test]
fn price_missing() {
    check(&TestCoin::new(1).remove("quote.price"), "price_missing", "price in USD: not sent");
    check_passes(&TestCoin::new(1).set("quote.price", "null"));
}

#[test]
fn price_negative() {
    let coin = |price| TestCoin::new(1).set("quote.price", price);
    check(&coin("-1.5"), "price_negative", "price in USD is -1.5: less than zero");
    check(&coin("-5e-324"), "price_negative", "price in USD is -5e-324: less than zero");
    check_passes(&coin("0"));
    check_passes(&coin("-0.0"));
}

#[test]
fn negative_amount() {
    for measure in [Measure::Volume24h, Measure::MarketCap, Measure::FullyDilutedMarketCap] {
        let name = measure.column();
        let reason = format!("{name} in USD is -1.0: less than zero");
        check(&TestCoin::new(1).set(&format!("quote.{name}"), "-1"), "negative_amount", &reason);
    }
    for measure in [Measure::CirculatingSupply, Measure::TotalSupply, Measure::MaxSupply] {
        let name = measure.column();
        let reason = format!("{name} is -1.0: less than zero");
        check(&TestCoin::new(1).set(name, "-1"), "negative_amount", &reason);
        check_passes(&TestCoin::new(1).set(name, "1e24"));
    }
    check_passes(&TestCoin::new(1).set("quote.percent_change_24h", "-99.9"));
}

/// Nobody has verified them, and older versions did not look at them: nonsense is NULL, and the coin keeps its price.
#[test]
fn what_projects_say_of_themselves_rejects_no_coin() {
    let said = ["self_reported_circulating_supply", "self_reported_market_cap", "quote.tvl"];
    for (name, json) in said.into_iter().flat_map(|name| {
        ["-5", "-1e300", "1e400", "true", "{}", "\"n/a\"", "\"12.5\""].map(|json| (name, json))
    }) {
        let coin = TestCoin::new(1).set(name, json);
        check_passes(&coin);
        let cleaned = clean_coins(&meta(), std::slice::from_ref(&coin));
        let quote = &rows_of(&cleaned)[0].quotes[0];
        let measure = Measure::ALL
            .into_iter()
            .find(|measure| name.trim_start_matches("quote.") == measure.column())
            .unwrap();
        assert_eq!((quote.get(measure), quote.missing.contains(measure)), (None, false), "{name} {json}");
        assert!(quote.get(Measure::Price).is_some());
    }
}

#[test]
fn bad_count() {
    for (field, json, shown) in [
        ("num_market_pairs", "1.5", "1.5"),
        ("cmc_rank", "-1", "-1.0"),
        ("cmc_rank", "4294967296", "4294967296.0"),
        ("cmc_rank", "1e300", "1e300"),
    ] {
        let reason = format!("{field} is {shown}: not a whole number from 0 to 4294967295");
        check(&TestCoin::new(1).set(field, json), "bad_count", &reason);
    }
    for json in ["0", "4294967295", "12.0", "1e3", "null"] {
        check_passes(&TestCoin::new(1).set("cmc_rank", json));
    }
    check_passes(&TestCoin::new(1).remove("cmc_rank"));
}

#[test]
fn in_the_future() {
    let coin = |at: &str| TestCoin::new(1).updated_in("USD", at);
    check(
        &coin("2026-11-22T14:10:05.001Z"),
        "in_the_future",
        "last_updated in USD is 2026-11-22T14:10:05.001Z: more than 10 minutes ahead of the clock",
    );
    check_passes(&coin("2026-11-22T14:10:05.000Z"));
}

#[test]
fn a_transformer_whose_clock_is_behind_believes_the_fetchers() {
    let page = PageMeta { fetched_at: instant("2026-11-22T15:00:00Z"), ..meta() };
    let coin = TestCoin::new(1).updated_in("USD", "2026-11-22T15:10:00Z");
    assert_eq!(clean_coins(&page, &[coin]).rejects, []);
}

#[test]
fn before_bitcoin() {
    let coin = |at: &str| TestCoin::new(1).updated_in("USD", at);
    check(
        &coin("1970-01-01T00:00:00Z"),
        "before_bitcoin",
        "last_updated in USD is 1970-01-01T00:00:00.000Z: earlier than the first block of Bitcoin",
    );
    check_passes(&coin("2009-01-03T00:00:00Z"));
}

#[test]
fn one_bad_quote_rejects_its_coin_and_no_other() {
    let good = TestCoin::new(1).also_in("EUR");
    let bad = TestCoin::new(2).also_in("EUR").updated_in("EUR", "1970-01-01T00:00:00Z");
    let cleaned = clean_coins(&usd_and_eur(), &[good.clone(), bad, TestCoin::new(3).also_in("EUR")]);
    assert_eq!(rows_of(&cleaned).iter().map(|row| row.coin.id).collect::<Vec<_>>(), [1, 3]);
    let [reject] = &cleaned.rejects[..] else { panic!("one reject") };
    assert_eq!((reject.index, reject.coin_id, reject.rule), (1, Some(2), "before_bitcoin"));
    assert!(reject.reason.contains("in EUR"), "{}", reject.reason);
}

#[test]
fn the_first_rule_of_the_list_is_named() {
    let coin = TestCoin::new(1).set("quote.price", "-1").set("cmc_rank", "-1");
    check(&coin, "price_negative", "price in USD is -1.0: less than zero");
}

#[test]
fn the_first_rule_of_the_list_is_named_also_across_currencies() {
    let coin = TestCoin::new(1)
        .also_in("EUR")
        .updated_in("USD", "1970-01-01T00:00:00Z")
        .set_in("EUR", "price", "-1");
    let [reject] = &clean_coins(&usd_and_eur(), &[coin]).rejects[..] else { panic!("one reject") };
    assert_eq!(reject.reason, "price in EUR is -1.0: less than zero");
}

/// The indices of the rejects of a page whose coins all have one id.
fn check_duplicates(page: &PageMeta, coins: &[TestCoin], expected: &[(usize, &str)]) {
    let coins: Vec<_> = coins.iter().map(|coin| coin.clone().set("id", "7")).collect();
    let rejects = clean_coins(page, &coins).rejects;
    let found: Vec<_> = rejects.iter().map(|reject| (reject.index, reject.rule)).collect();
    assert_eq!(found, expected);
}

#[test]
fn of_duplicates_the_one_updated_last_stays() {
    let at = |minute: u32| TestCoin::new(7).updated_in("USD", &format!("2026-11-22T13:{minute:02}:00Z"));
    check_duplicates(&meta(), &[at(1), at(3), at(2)], &[(0, "duplicate_id"), (2, "duplicate_id")]);
    check_duplicates(&meta(), &[at(1), at(1)], &[(1, "duplicate_id")]);
    check_duplicates(&meta(), &[at(1)], &[]);
}

#[test]
fn the_newest_of_a_coins_quotes_decides() {
    let at = |usd: u32, eur: u32| {
        TestCoin::new(7)
            .also_in("EUR")
            .updated_in("USD", &format!("2026-11-22T13:{usd:02}:00Z"))
            .updated_in("EUR", &format!("2026-11-22T13:{eur:02}:00Z"))
    };
    check_duplicates(&usd_and_eur(), &[at(2, 2), at(1, 3)], &[(0, "duplicate_id")]);
}

#[test]
fn a_broken_newer_copy_does_not_cost_the_good_one() {
    let old = TestCoin::new(7).updated_in("USD", "2026-11-22T13:00:00Z");
    let broken = TestCoin::new(7).set("quote.price", "-1");
    check_duplicates(&meta(), &[old, broken], &[(1, "price_negative")]);
}
