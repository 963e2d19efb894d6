//! Pages that no API sends: each is one fault, or coin by coin as it should be, and takes little memory.

use super::*;
use crate::test_page::{TestCoin, body, meta};

fn fault(body: &[u8]) -> Option<PageFault> {
    read(&meta(), body).err()
}

fn page_of(element: &str, count: usize) -> Vec<u8> {
    body(&vec![element.to_owned(); count])
}

#[test]
fn a_page_of_garbage_is_one_fault_with_numbers() {
    for garbage in ["0", "{}", "null", "[]", "\"\"", r#"{"id": 0}"#, r#"{"id": "1", "name": "x"}"#] {
        let fault = fault(&page_of(garbage, 300)).expect(garbage);
        assert_eq!(fault.code(), "mostly_garbage", "{garbage}");
        assert!(fault.to_string().starts_with("300 of the 300 elements"), "{fault}");
    }
    let first = fault(&page_of("[1]", 300)).unwrap().to_string();
    assert!(first.ends_with("the coin is [1], not an object"), "{first}");
}

/// A bomb is not read to its end.
#[test]
fn of_a_page_that_can_only_be_garbage_no_more_is_read() {
    let fault = fault(&page_of("0", 2_000_000)).unwrap();
    let PageFault::Garbage { garbage, elements, .. } = fault else { panic!("{fault}") };
    assert_eq!((garbage, elements), (MAX_COINS / 2 + 1, MAX_COINS / 2 + 1));
}

#[test]
fn half_of_a_page_may_be_garbage_and_a_little_always() {
    let check = |coins: u32, garbage: usize, is_fault: bool| {
        let good = (1..=coins).map(|id| TestCoin::new(id).json());
        let page: Vec<_> = good.chain(std::iter::repeat_n("0".to_owned(), garbage)).collect();
        let page = body(&page);
        match read(&meta(), &page) {
            Ok(found) => {
                assert!(!is_fault, "{coins} coins and {garbage} others");
                assert_eq!((found.read.len(), found.rejects.len()), (coins as usize, garbage));
            }
            Err(fault) => assert!(is_fault, "{coins} coins and {garbage} others: {fault}"),
        }
    };
    check(1, 2, false);
    check(0, TOLERATED_GARBAGE, false);
    check(0, TOLERATED_GARBAGE + 1, true);
    check(200, 200, false);
    check(200, 201, true);
}

/// Each is told by its id, so each is told by itself, and the good ones go on.
#[test]
fn coins_with_an_id_are_no_garbage_whatever_else_is_wrong_with_them() {
    let coins: Vec<_> = (1..=300)
        .map(|id| if id <= 10 { TestCoin::new(id) } else { TestCoin::new(id).remove("quote") })
        .map(|coin| coin.json())
        .collect();
    let page = body(&coins);
    let found = read(&meta(), &page).unwrap();
    assert_eq!((found.read.len(), found.rejects.len()), (10, 290));
}

#[test]
fn a_page_has_at_most_so_many_coins() {
    let coins = |count| (1..=count).map(|id| format!(r#"{{"id": {id}}}"#)).collect::<Vec<_>>();
    assert!(fault(&body(&coins(MAX_COINS))).is_none());
    assert_eq!(fault(&body(&coins(MAX_COINS + 1))).map(|fault| fault.code()), Some("too_many_coins"));
}

#[test]
fn a_page_that_would_take_too_much_memory_is_a_fault() {
    let tags = format!("[{}]", vec!["\"\""; 1000].join(","));
    let coin = TestCoin::new(1).set("tags", &tags).json();
    assert_eq!(fault(&page_of(&coin, 5000)).map(|fault| fault.code()), Some("too_dense"));

    // One quote, asked for over and over.
    let page = PageMeta { convert: vec!["USD".to_owned(); 2000], ..meta() };
    let coins: Vec<_> = (1..=100).map(|id| TestCoin::new(id).json()).collect();
    let fault = read(&page, &body(&coins)).err();
    assert_eq!(fault.map(|fault| fault.code()), Some("too_dense"));
}

#[test]
fn what_nobody_looks_at_costs_no_coin() {
    let many = |text: &str| vec![text; 100_000].join(",");
    let fields = (0..100_000).map(|n| format!(r#""f{n}":0"#)).collect::<Vec<_>>().join(",");
    let quote = &TestCoin::new(1).json()[r#"{"id": 1"#.len()..];
    let blanks = " ".repeat(1 << 20);
    for odd in [
        format!(r#"{{"id": 1, {fields}{quote}"#),
        format!(r#"{{"id": 1, {}{quote}"#, many(r#""x":1"#)),
        format!(r#"{{"id": {blanks}1 {blanks}{quote}"#),
        format!(r#"{{"id": 1, "tags": [{}]{quote}"#, many("0")),
        format!(r#"{{"id": 1, "x": "{}"{quote}"#, "x".repeat(1 << 20)),
        format!(r#"{{"id": 1, "x": 1{}{quote}"#, "0".repeat(1 << 20)),
    ] {
        let page = body(&[odd]);
        let found = read(&meta(), &page).unwrap();
        assert_eq!(found.read.len(), 1, "{:?}", found.rejects);
    }
    let quotes = |list: &str| TestCoin::new(1).set("quote", list);
    let usd = r#"{"symbol": "USD", "price": 1, "last_updated": "2026-11-22T13:59:00Z"}"#;
    let others = (0..100_000).map(|n| format!(r#""C{n}": {{}}"#)).collect::<Vec<_>>().join(",");
    for coin in
        [quotes(&format!("[{},{usd}]", many("{}"))), quotes(&format!(r#"{{{others}, "USD": {usd}}}"#))]
    {
        assert_eq!(read(&meta(), &body(&[coin.json()])).unwrap().read.len(), 1);
    }
}

#[test]
fn tags_that_no_list_has_are_not_known() {
    let tags = |json: &str| {
        let page = body(&[TestCoin::new(1).set("tags", json).json()]);
        let coins = read(&meta(), &page).unwrap().read;
        coins.tags(coins.get(0).unwrap()).map(<[_]>::len)
    };
    let list = |tag: &str, count| format!("[{}]", vec![tag; count].join(","));
    assert_eq!(tags(&list("\"a\"", 1000)), Some(1000));
    assert_eq!(tags(&list("\"a\"", 1001)), None);
    assert_eq!(tags(&format!("[\"{}\", \"a\"]", "x".repeat(256))), Some(1), "one that no table holds");
}
