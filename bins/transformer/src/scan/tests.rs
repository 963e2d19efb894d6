//! What is taken is what `serde_json` takes, and means the same.

use proptest::prelude::*;

use super::*;

/// Blanks, quotes and all that JSON consists of, more often than chance would have it.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("\""),
        Just("\"a\""),
        Just("\\"),
        Just("null"),
        Just("true"),
        Just("false"),
        Just("0"),
        Just("-"),
        Just("1"),
        Just("."),
        Just("e"),
        Just("+"),
        Just(" "),
        Just("\n"),
        Just("é"),
        Just("\u{1}"),
        Just("\u{7f}"),
        Just("12345678"),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn number(text: &str) -> Option<u64> {
    let mut scan = Scan::new(text);
    let number = scan.number()?;
    scan.end()?;
    Some(number.to_bits())
}

proptest! {
    #[test]
    fn what_is_skipped_is_json(text in nearly_json()) {
        let mut scan = Scan::new(&text);
        if scan.skip().and_then(|()| scan.end()).is_some() {
            prop_assert!(serde_json::from_str::<&RawValue>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn plain_texts_are_taken_whole(before in ".{0,40}", after in ".{0,10}") {
        let json = format!("{}{after}", serde_json::json!(before));
        let mut scan = Scan::new(&json);
        let is_plain = !before.contains(|it: char| it == '"' || it == '\\' || it < ' ');
        prop_assert_eq!(scan.text(), is_plain.then_some(before.as_str()));
        if is_plain {
            prop_assert_eq!(scan.rest(), after.as_bytes());
        }
    }

    #[test]
    fn every_double_is_read_to_the_last_bit(number_sent in any::<f64>(), digits in 0..30_usize) {
        if number_sent.is_finite() {
            for text in [format!("{number_sent:?}"), format!("{number_sent:.digits$e}"), format!("{number_sent:.digits$}")] {
                prop_assert_eq!(number(&text), text.parse().ok().map(f64::to_bits), "{}", text);
            }
        }
    }

    #[test]
    fn every_number_of_as_many_digits_as_real_ones_is_read_to_the_last_bit(
        whole in 0..1_u64 << 54, decimals in 0..30_usize, negative in any::<bool>()
    ) {
        let digits = format!("{whole:0>width$}", width = decimals + 1);
        let (before, after) = digits.split_at(digits.len() - decimals);
        let sign = if negative { "-" } else { "" };
        let point = if decimals == 0 { "" } else { "." };
        if before.len() == 1 || !before.starts_with('0') {
            let text = format!("{sign}{before}{point}{after}");
            prop_assert_eq!(number(&text), text.parse().ok().map(f64::to_bits), "{}", text);
        }
    }
}

#[test]
fn numbers_are_those_of_json() {
    for text in
        ["0", "-0", "0.5", "-1.5e3", "1E+2", "1e-7", "123456789012345678901234567890", "9007199254740993"]
    {
        assert_eq!(number(text), text.parse().ok().map(f64::to_bits), "{text}");
    }
    for text in [
        "", "-", "01", "-01", "00", "1.", ".5", "+1", "1e", "1e+", "1.e1", "0x1", "NaN", "inf", "1e400",
        "1 2",
    ] {
        assert_eq!(number(text), None, "{text}");
    }
}

#[test]
fn whole_numbers_have_digits_alone() {
    let whole = |text| Scan::new(text).whole();
    assert_eq!(["0", "7 ", "4294967295"].map(whole), [Some(0), Some(7), Some(u32::MAX)]);
    for text in ["4294967296", "99999999999999999999999", "-1", "-0", "1.0", "1e1", "01", "\"1\"", ""] {
        assert_eq!(whole(text), None, "{text}");
    }
}

#[test]
fn a_text_ends_where_it_ends() {
    for length in 0..40 {
        let text = "x".repeat(length);
        assert_eq!(Scan::new(&format!("\"{text}\" ")).text(), Some(text.as_str()));
        for odd in ["\\\"", "\u{1}", "\u{1f}", "\n"] {
            assert_eq!(Scan::new(&format!("\"{text}{odd}\"")).text(), None, "{odd:?} after {length}");
        }
        assert_eq!(
            Scan::new(&format!("\"{text}\u{7f}é\u{80}\"")).text(),
            Some(&*format!("{text}\u{7f}é\u{80}"))
        );
        assert_eq!(Scan::new(&format!("\"{text}")).text(), None);
    }
}

#[test]
fn what_is_nested_too_deep_is_not_taken() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(Scan::new(&nested(8)).skip(), Some(()));
    assert_eq!(Scan::new(&nested(9)).skip(), None);
    assert_eq!(Scan::new(&nested(100_000)).skip(), None);
    let deep = nested(100_000);
    assert_eq!(Scan::new(&deep).any().map(RawValue::get), Some(&*deep));
}

#[test]
fn any_value_ends_where_it_ends() {
    let mut scan = Scan::new(r#" {"a\u0041": [1, "\ud800"]} , 12,"#);
    assert_eq!(scan.any().map(RawValue::get), Some(r#"{"a\u0041": [1, "\ud800"]}"#));
    scan.take(b',').unwrap();
    assert_eq!(scan.any().map(RawValue::get), Some("12"));
    assert_eq!(scan.take(b','), Some(()));
    assert!(scan.any().is_none());
}
