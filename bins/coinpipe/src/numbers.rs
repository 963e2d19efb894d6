//! Numbers for people: prices, amounts, percentages, ages, counts.

use chrono::{DateTime, Utc};
use domain::{Kind, Measure, amounts};
pub(crate) use domain::{count, counted};
use serde_json::Value;

/// What stands where there is no number.
const NONE: &str = "–";

/// A price: two decimals from 1 up, four significant digits below.
pub(crate) fn price(amount: Option<f64>) -> String {
    amount.map_or_else(|| NONE.to_owned(), amounts::price)
}

/// An amount of money in a short form: `1.27 T`, `35.10 M`.
pub(crate) fn money(amount: Option<f64>) -> String {
    amount.map_or_else(|| NONE.to_owned(), amounts::money)
}

/// A percentage with its sign.
pub(crate) fn percent(amount: Option<f64>) -> String {
    amount.map_or_else(|| NONE.to_owned(), amounts::percent)
}

/// How long ago `at` was: `42 s`, `5 min`, `3 h`, `2 d`. The future, which a stepped clock can show, is `0 s`.
pub(crate) fn age(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    let seconds = (now - at).num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A number of batches: `1 batch`, `5,000 batches`.
pub(crate) fn batches(number: u64) -> String {
    if number == 1 { "1 batch".to_owned() } else { format!("{} batches", count(number)) }
}

/// A count is a whole number. Of any other the shortest text is written that is read as the same double.
pub(crate) fn json(measure: Measure, number: Option<f64>) -> Value {
    match number {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts are whole and fit u32"
        )]
        Some(number) if measure.kind() == Kind::Count => (number as u32).into(),
        number => number.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_no_number() {
        assert_eq!([price, money, percent].map(|write| write(None)), ["–"; 3]);
        let known = [price, money, percent].map(|write| write(Some(1500.0)));
        assert_eq!(known, ["1,500.00", "1.50 K", "+1,500.00 %"]);
    }

    #[test]
    fn one_is_one_and_others_are_several() {
        assert_eq!([counted(1, "coin"), counted(0, "coin")], ["1 coin", "0 coins"]);
        assert_eq!([batches(1), batches(2000)], ["1 batch", "2,000 batches"]);
    }

    #[test]
    fn ages_are_short_and_never_negative() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        for (seconds, written) in
            [(-5, "0 s"), (42, "42 s"), (300, "5 min"), (10_000, "2 h"), (200_000, "2 d")]
        {
            assert_eq!(age(now, now - chrono::TimeDelta::seconds(seconds)), written);
        }
    }
}
