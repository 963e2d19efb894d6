use domain::Measure;

use super::*;
use crate::test_page::{TestCoin, instant};

fn read_in(coin: &TestCoin, convert: &[&str]) -> Result<CoinRow, Unreadable> {
    let raw = RawValue::from_string(coin.json()).unwrap();
    let convert: Vec<_> = convert.iter().map(|&currency| currency.to_owned()).collect();
    read_coin(&raw, &convert)
}

fn read(coin: &TestCoin) -> CoinRow {
    read_in(coin, &["USD"]).unwrap_or_else(|unreadable| panic!("{}: {coin:?}", unreadable.fault))
}

/// The coin breaks `rule`, and the reason names the field.
fn check(coin: &TestCoin, rule: &str, field: &str) {
    let Unreadable { fault, .. } = read_in(coin, &["USD"]).expect_err(rule);
    assert_eq!(fault.rule(), rule, "{fault}");
    assert!(fault.to_string().contains(field), "{fault}");
}

#[test]
fn both_shapes_give_the_same_row() {
    for coin in [TestCoin::new(7), TestCoin::new(7).v1()] {
        let row = read(&coin);
        assert_eq!((row.coin.id, row.coin.symbol.as_str()), (7, "C7"));
        assert_eq!(row.coin.date_added, Some(instant("2010-07-13T00:00:00Z")));
        let [quote] = &row.quotes[..] else { panic!("one quote") };
        assert_eq!(quote.get(Measure::Price), Some(63_857.730_787_563_11));
        assert_eq!(quote.get(Measure::MaxSupply), Some(21_000_000.0));
        assert_eq!(quote.last_updated, instant("2026-11-22T13:59:00Z"));
        assert!(quote.missing.is_empty());
    }
}

#[test]
fn only_a_whole_number_from_1_to_u32_max_is_an_id() {
    assert_eq!(read(&TestCoin::new(u32::MAX)).coin.id, u32::MAX);
    for id in ["\"1\"", "0", "-1", "4294967296", "1.5", "null", "[1]", "1e400"] {
        check(&TestCoin::new(1).set("id", id), "bad_id", id);
    }
    check(&TestCoin::new(1).remove("id"), "bad_id", "missing");
}

#[test]
fn whatever_is_not_an_object_is_not_a_coin() {
    for text in ["null", "1", "\"bitcoin\"", "[]", "[1, \"Bitcoin\"]"] {
        let raw = RawValue::from_string(text.to_owned()).unwrap();
        let unreadable = read_coin(&raw, &[]).unwrap_err();
        assert_eq!((unreadable.fault.rule(), unreadable.coin_id), ("not_a_coin", None), "{text}");
    }
}

#[test]
fn names_are_kept_exactly_as_sent() {
    for name in
        ["", " a, b ", "💥🚀", "\u{202e}abc", "x'); DROP TABLE coins;--", "a\r\nb", "stETH", &"ü".repeat(255)]
    {
        let json = serde_json::to_string(name).unwrap();
        let row = read(&TestCoin::new(1).set("symbol", &json).set("name", &json).set("slug", &json));
        assert_eq!([&row.coin.symbol, &row.coin.name, &row.coin.slug], [name; 3]);
    }
}

#[test]
fn names_that_no_table_holds_are_rejected() {
    for field in ["symbol", "name", "slug"] {
        let coin = TestCoin::new(1);
        check(&coin.clone().set(field, &format!("\"{}\"", "x".repeat(256))), "text_too_long", field);
        for json in ["null", "1", "[]", r#""a\u0000b""#, r#""\ud800""#] {
            check(&coin.clone().set(field, json), "bad_text", field);
        }
        check(&coin.remove(field), "bad_text", field);
    }
}

#[test]
fn a_used_number_that_is_none_rejects_its_coin() {
    for measure in Measure::ALL.into_iter().filter(|measure| !measure.is_optional()) {
        let field = measure.column();
        let path = if measure.is_per_coin() { field.to_owned() } else { format!("quote.{field}") };
        check(&TestCoin::new(1).set(&path, "\"not_available\""), "not_a_number", field);
        check(&TestCoin::new(1).set(&path, "1e400"), "number_out_of_range", field);
    }
}

#[test]
fn zero_null_and_missing_stay_apart() {
    for measure in Measure::ALL {
        let field = measure.column();
        let path = if measure.is_per_coin() { field.to_owned() } else { format!("quote.{field}") };
        let coin = TestCoin::new(1);
        let sent = [coin.clone().set(&path, "0"), coin.clone().set(&path, "null"), coin.remove(&path)];
        let found = sent.map(|coin| {
            let row = read(&coin);
            (row.quotes[0].get(measure), row.quotes[0].missing.contains(measure))
        });
        assert_eq!(found, [(Some(0.0), false), (None, false), (None, true)], "{field}");
    }
}

#[test]
fn only_the_currencies_that_were_asked_for_are_looked_at() {
    for coin in [TestCoin::new(1).also_in("EUR"), TestCoin::new(1).also_in("EUR").v1()] {
        let row = read_in(&coin, &["EUR", "USD"]).unwrap();
        let currencies: Vec<_> = row.quotes.iter().map(|quote| quote.currency.as_str()).collect();
        assert_eq!(currencies, ["EUR", "USD"], "in the order asked for");
        let row = read_in(&coin.updated_in("EUR", "nonsense"), &["USD"]).unwrap();
        assert_eq!(row.quotes.len(), 1);
    }
}

#[test]
fn a_currency_that_was_asked_for_and_not_sent_is_named() {
    let fault = read_in(&TestCoin::new(1), &["USD", "EUR"]).unwrap_err().fault;
    assert_eq!(fault, CoinFault::CurrencyMissing("EUR".to_owned()));
    let coin = TestCoin::new(1);
    check(&coin.clone().remove("quote"), "currency_missing", "USD");
    for quote in ["null", "[]", "{}", "1", "\"USD\"", "[null, 1, {}]", r#"{"USD": null}"#, r#"{"usd": {}}"#] {
        check(&coin.clone().set("quote", quote), "currency_missing", "USD");
    }
}

#[test]
fn a_quote_without_a_readable_instant_is_rejected() {
    let coin = TestCoin::new(1);
    for text in ["null", "1700000000", "\"\"", "\"yesterday\"", "\"2026-11-22\"", "\"2026-13-01T00:00:00Z\""]
    {
        check(&coin.clone().set("quote.last_updated", text), "bad_last_updated", text);
    }
    check(&coin.remove("quote.last_updated"), "bad_last_updated", "missing");
}

#[test]
fn the_id_is_told_when_something_else_is_wrong() {
    let unreadable = read_in(&TestCoin::new(42).remove("slug"), &["USD"]).unwrap_err();
    assert_eq!(unreadable.coin_id, Some(42));
}

#[test]
fn optional_descriptions_never_cost_a_coin() {
    for junk in ["null", "1.5", "\"x\"", "[[]]", "{}", "{\"id\": \"x\", \"token_address\": 1}", "-1"] {
        for field in ["date_added", "platform", "tags", "infinite_supply", "is_active", "unknown_field"] {
            read(&TestCoin::new(1).set(field, junk));
        }
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    read(&TestCoin::new(1).set("tags", &deep).set("platform", &deep).set("unknown_field", &deep));
}

#[test]
fn optional_descriptions_are_read_in_every_form_that_is_sent() {
    let tags = |json: &str| read(&TestCoin::new(1).set("tags", json)).coin.tags.clone();
    let expected = Some(vec!["pow".to_owned(), "sha-256".to_owned()]);
    assert_eq!(tags(r#"["pow", "sha-256"]"#), expected);
    assert_eq!(tags(r#"[{"slug": "pow", "name": "PoW"}, 1, {"slug": "sha-256"}]"#), expected);
    assert_eq!(tags("[]"), Some(Vec::new()));
    assert_eq!(read(&TestCoin::new(1).remove("tags")).coin.tags, None);

    let platform = |json: &str| {
        let coin = read(&TestCoin::new(1).set("platform", json)).coin.into_inner();
        (coin.platform_id, coin.platform_name, coin.token_address)
    };
    let text = |text: &str| Some(text.to_owned());
    let whole =
        r#"{"id": 1839, "name": "BNB Smart Chain (BEP20)", "slug": "bnb", "token_address": "0xdac1"}"#;
    assert_eq!(platform(whole), (Some(1839), text("BNB Smart Chain (BEP20)"), text("0xdac1")));
    assert_eq!(
        platform(r#"{"id": 1027, "name": 1, "token_address": "0xdac1"}"#),
        (Some(1027), None, text("0xdac1"))
    );
    assert_eq!(
        platform(&format!(r#"{{"id": 1027, "name": "{}"}}"#, "x".repeat(256))),
        (Some(1027), None, None)
    );

    let flags = ["true", "1", "false", "0", "null", "\"yes\""]
        .map(|json| read(&TestCoin::new(1).set("is_active", json)).coin.is_active);
    assert_eq!(flags, [Some(true), Some(true), Some(false), Some(false), None, None]);
}
