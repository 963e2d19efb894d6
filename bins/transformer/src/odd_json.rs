//! Coins, and other JSON, to which odd things happened: for properties that hold whatever is sent.

use proptest::prelude::*;

use crate::test_page::TestCoin;

/// Fields of a coin, its quotes, and some that no one uses.
const FIELDS: [&str; 16] = [
    "id",
    "name",
    "symbol",
    "slug",
    "tags",
    "platform",
    "date_added",
    "max_supply",
    "cmc_rank",
    "infinite_supply",
    "quote",
    "quote.price",
    "quote.market_cap",
    "quote.percent_change_1h",
    "quote.last_updated",
    "something_new",
];

/// JSON that stands where it should not, or just about should.
const ODD: [&str; 20] = [
    "null",
    "0",
    "-0.0",
    "-1",
    "1.5",
    "7",
    "4294967296",
    "1e400",
    "5e-324",
    "true",
    "\"\"",
    "\"not_available\"",
    "\"\\u0000\"",
    "\"1970-01-01T00:00:00Z\"",
    "\"2999-01-01T00:00:00Z\"",
    "[]",
    "{}",
    "[[[[[[]]]]]]",
    "{\"USD\": {}}",
    "[{\"symbol\": \"USD\"}]",
];

/// A valid coin to which any number of odd things happened. Few ids, so that duplicates are common.
pub(crate) fn odd_coin() -> impl Strategy<Value = String> {
    let mutation =
        (proptest::sample::select(&FIELDS[..]), proptest::option::of(proptest::sample::select(&ODD[..])));
    (1..6_u32, any::<bool>(), proptest::collection::vec(mutation, 0..3)).prop_map(|(id, v1, mutations)| {
        let coin = if v1 { TestCoin::new(id).v1() } else { TestCoin::new(id) };
        let mutated = mutations.into_iter().fold(coin, |coin, (field, json)| match json {
            Some(json) => coin.set(field, json),
            None => coin.remove(field),
        });
        mutated.json()
    })
}

/// Any JSON at all.
pub(crate) fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|it| it.to_string()),
        any::<i64>().prop_map(|it| it.to_string()),
        any::<f64>().prop_map(|it| serde_json::json!(it).to_string()),
        any::<String>().prop_map(|it| serde_json::json!(it).to_string()),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let name = prop_oneof![
            any::<String>(),
            proptest::sample::select(&FIELDS[..]).prop_map(|it| it.trim_start_matches("quote.").to_owned()),
        ];
        let entry =
            (name, inner.clone()).prop_map(|(name, json)| format!("{}: {json}", serde_json::json!(name)));
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec(entry, 0..6).prop_map(|items| format!("{{{}}}", items.join(","))),
        ]
    })
}

/// A text with any characters, escaped in one way or another.
pub(crate) fn odd_text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        any::<char>(),
        proptest::sample::select(vec!['"', '\\', '\0', '\u{1f}', '\u{7f}', 'é', '💥', 'x', ' ', '/']),
    ];
    let text = (proptest::collection::vec(character, 0..12), 0..300_usize, any::<bool>());
    text.prop_map(|(characters, repeat, ascii)| {
        let text: String =
            characters.into_iter().collect::<String>() + &"ü".repeat(repeat / 2 * usize::from(repeat > 200));
        let json = serde_json::json!(text).to_string();
        if ascii {
            json.chars().map(|it| if it.is_ascii() { it.to_string() } else { escaped(it) }).collect()
        } else {
            json
        }
    })
}

fn escaped(character: char) -> String {
    let units = character.encode_utf16(&mut [0; 2]).to_vec();
    units.iter().fold(String::new(), |text, unit| format!("{text}\\u{unit:04x}"))
}
