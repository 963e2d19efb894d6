//! The quick way and the careful way give the same, whatever the page.

use std::error::Error;

use domain::Measure;
use proptest::prelude::*;

use super::*;
use crate::odd_json::{any_json, odd_coin, odd_text};
use crate::schema;
use crate::test_page::{TestCoin, body, meta};

/// All that was read, to the last bit.
fn everything(coins: Coins<'_>) -> String {
    let Coins { read, frame, rejects } = coins;
    let frame = frame.finish().unwrap();
    let identity = [schema::POSITION, schema::CURRENCY, schema::ID, schema::MISSING]
        .map(|name| schema::whole(&frame, name).unwrap().iter().collect::<Vec<_>>());
    let instants: Vec<_> = schema::last_updated(&frame).unwrap().iter().collect();
    let numbers = Measure::ALL.map(|measure| {
        let numbers = schema::numbers(&frame, measure).unwrap().iter();
        numbers.map(|number| number.map(f64::to_bits)).collect::<Vec<_>>()
    });
    format!("{read:?} {rejects:?} {identity:?} {instants:?} {numbers:?}")
}

/// The fault with its causes, as the letter about it has them.
fn fault(fault: &PageFault) -> String {
    let mut text = format!("{} {fault}", fault.code());
    let mut cause = fault.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Whatever the quick way gives, the careful way gives; so what a page becomes does not depend on the way.
fn check(convert: &[&str], page: &[u8]) {
    let convert = convert.iter().map(|&currency| currency.to_owned()).collect();
    let meta = PageMeta { convert, ..meta() };
    let Ok(text) = envelope::text(page) else { return };
    let careful = read_carefully(&meta, text, page.len());
    if let Some(quick) = read_quickly(&meta, text, page.len()) {
        let careful = careful.map(everything).map_err(|it| fault(&it));
        assert_eq!(Ok(everything(quick)), careful, "{text}");
    } else if let (Err(read), Err(careful)) = (read(&meta, page), careful) {
        assert_eq!(fault(&read), fault(&careful));
    }
}

fn check_all(page: &[u8]) {
    for convert in [&["USD"][..], &["USD", "EUR"], &["EUR", "BTC", "USD"], &["USD", "USD"]] {
        check(convert, page);
    }
}

/// How many elements of a page the quick way leaves to the careful one.
fn left(convert: &[&str], page: &str) -> Option<usize> {
    let convert: Vec<_> = convert.iter().map(|&currency| currency.to_owned()).collect();
    let (mut quick, mut left) = (QuickReader::new(&convert)?, 0);
    envelope::each_coin_quickly(page, |scan| {
        let begin = scan.clone();
        if quick.coin(scan).is_none() {
            *scan = begin;
            left += 1;
            scan.any()?;
        }
        Some(())
    })?;
    Some(left)
}

proptest! {
    #[test]
    fn of_odd_coins(coins in proptest::collection::vec(odd_coin(), 0..6)) {
        check_all(&body(&coins));
    }

    #[test]
    fn of_any_json(coins in proptest::collection::vec(any_json(), 0..6)) {
        check_all(&body(&coins));
    }

    #[test]
    fn of_texts_of_any_kind(coin in odd_coin(), odd in odd_text()) {
        for field in ["name", "symbol", "slug", "tags", "date_added", "other"] {
            let json = if field == "tags" { format!("[{odd}, \"pow\"]") } else { odd.clone() };
            check_all(&body(&[coin.clone(), TestCoin::new(9).also_in("EUR").set(field, &json).json()]));
        }
    }

    #[test]
    fn of_damaged_pages(
        coins in proptest::collection::vec(odd_coin(), 1..4),
        at in any::<proptest::sample::Index>(),
        byte in prop_oneof![any::<u8>(), proptest::sample::select(br#"{}[],:"\0-. e"#.to_vec())],
        kind in 0..3_u8,
    ) {
        let mut page = body(&coins);
        let at = at.index(page.len());
        match kind {
            0 => page[at] = byte,
            1 => page.insert(at, byte),
            _ => page.truncate(at),
        }
        check_all(&page);
    }
}

#[test]
fn of_whole_responses_and_only_escapes_are_left_to_the_careful_way() {
    for listing in lab::listings() {
        let page = std::fs::read_to_string(&listing.path).unwrap();
        check_all(page.as_bytes());
        check(listing.currencies, page.as_bytes());
        let mut escaped = 0;
        envelope::each_coin(&page, |raw| {
            escaped += usize::from(raw.get().contains('\\'));
            Ok(())
        })
        .unwrap();
        assert_eq!(left(listing.currencies, &page), Some(escaped), "{}", listing.path.display());
    }
}

#[test]
fn the_quick_way_takes_what_is_sent_and_leaves_what_is_odd() {
    let left = |coins: &[TestCoin]| {
        let coins: Vec<_> = coins.iter().map(TestCoin::json).collect();
        let page = body(&coins);
        check_all(&page);
        left(&["USD"], std::str::from_utf8(&page).unwrap())
    };
    let coin = TestCoin::new;
    assert_eq!(left(&[coin(1), coin(2).v1(), coin(3).also_in("EUR"), coin(4).remove("tags")]), Some(0));
    let platform = r#"{"id": 1027, "name": "Ethereum", "token_address": "0xdac1"}"#;
    assert_eq!(left(&[coin(1).set("platform", platform), coin(2).set("is_active", "1")]), Some(0));
    for (field, json) in [
        ("name", r#""a\u0041""#),
        ("tags", r#"[{"slug": "pow"}]"#),
        ("id", "1.0"),
        ("cmc_rank", "\"1\""),
        ("quote.price", "1e400"),
        ("platform", "[]"),
        ("infinite_supply", "2"),
        ("other", r#""\ud800""#),
        ("other", "[[[[[[[[[]]]]]]]]]"),
    ] {
        assert_eq!(left(&[coin(1), coin(2).set(field, json), coin(3)]), Some(1), "{field}: {json}");
    }
}

/// A page whose coins are good and whose end is not JSON is not JSON, however many coins come first.
#[test]
fn the_order_in_which_faults_are_found_is_the_same() {
    let garbage = vec!["0"; MAX_COINS + 1].join(",");
    for page in [
        format!(r#"{{"data": [{garbage}]"#),
        format!(r#"{{"data": [{garbage}], "status": {{"error_code": 500}}}}"#),
        format!(r#"{{"data": [{}], "status": }}"#, TestCoin::new(1).json()),
        format!(r#"{{"data": [{}], "data": []}}"#, TestCoin::new(1).json()),
        format!(r#"{{"data": [{}], "status": {{"error_code": 500}}}}"#, TestCoin::new(1).json()),
    ] {
        check_all(page.as_bytes());
    }
}
