//! Numbers for people: prices, amounts, percentages, ages, counts.

use chrono::{DateTime, Utc};
use domain::{Kind, Measure};
pub(crate) use domain::{count, counted};
use serde_json::Value;

/// From here on digits stand for nothing, and there may be three hundred of them.
const HUGE: f64 = 1e15;

/// A price: two decimals and thousands from 1 up, four significant digits below; and for what is too large for any table.
pub(crate) fn price(amount: Option<f64>) -> String {
    match amount {
        None => "–".to_owned(),
        Some(0.0) => "0".to_owned(),
        // What would round to 1 is written as 1 is.
        Some(amount) if (0.999_95..HUGE).contains(&amount) => thousands(amount, 2),
        Some(amount) if (1e-4..1.0).contains(&amount) => {
            // As many decimals as leave four significant digits.
            let decimals = if amount >= 0.1 {
                4
            } else if amount >= 0.01 {
                5
            } else if amount >= 0.001 {
                6
            } else {
                7
            };
            format!("{amount:.decimals$}")
        }
        Some(amount) => format!("{amount:.3e}"),
    }
}

/// An amount of money in a short form: `1.27 T`, `35.1 M`.
pub(crate) fn money(amount: Option<f64>) -> String {
    let Some(amount) = amount else { return "–".to_owned() };
    if amount.abs() >= HUGE * 1e3 {
        return format!("{amount:.2e}");
    }
    for (unit, name) in [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")] {
        // What would round to 1,000 of the smaller unit is 1 of this one.
        if amount.abs() >= unit * 0.999_995 {
            return format!("{:.2} {name}", amount / unit);
        }
    }
    // Below 1 as many digits as of a price.
    if amount != 0.0 && amount.abs() < 0.999_95 { price(Some(amount)) } else { format!("{amount:.2}") }
}

/// A percentage with its sign.
pub(crate) fn percent(amount: Option<f64>) -> String {
    match amount {
        None => "–".to_owned(),
        Some(amount) if amount.abs() >= HUGE => format!("{amount:+.2e} %"),
        // What lost nearly all is not gone.
        Some(amount) if -100.0 < amount && amount <= -99.995 => "-99.99 %".to_owned(),
        Some(amount) => format!("{amount:+.2} %"),
    }
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

fn thousands(amount: f64, decimals: usize) -> String {
    domain::thousands(&format!("{amount:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_well_at_every_size() {
        for (amount, written) in [
            (63_120.955_116_672_26, "63,120.96"),
            (1.0, "1.00"),
            (0.998_972_2, "0.9990"),
            (0.061_234_5, "0.06123"),
            (0.000_123_46, "0.0001235"),
            (5e-18, "5.000e-18"),
            (0.0, "0"),
        ] {
            assert_eq!(price(Some(amount)), written);
        }
        assert_eq!(price(None), "–");
        assert_eq!(money(Some(1.265_258e12)), "1.27 T");
        let small = [0.0049, 1e-12, 0.0].map(|amount| money(Some(amount)));
        assert_eq!(
            small,
            ["0.004900", "1.000e-12", "0.00"],
            "a small coin's volume in bitcoin is not nothing"
        );
        assert_eq!(percent(Some(-1.2)), "-1.20 %");
        assert_eq!(percent(Some(-99.999)), "-99.99 %");
        let edges = [999.99, 999.999, -1500.0, 999_999.0].map(|amount| money(Some(amount)));
        assert_eq!(edges, ["999.99", "1.00 K", "-1.50 K", "1.00 M"]);
        assert_eq!(count(1_234_567), "1,234,567");
    }

    /// Prices that no coin has are loaded as they were sent.
    #[test]
    fn an_amount_of_three_hundred_digits_is_short_all_the_same() {
        for (shown, written) in [
            (price(Some(1.7e308)), "1.700e308"),
            (price(Some(-1.7e308)), "-1.700e308"),
            (price(Some(1e14)), "100,000,000,000,000.00"),
            (money(Some(1.7e308)), "1.70e308"),
            (money(Some(-1.7e308)), "-1.70e308"),
            (money(Some(9.9e17)), "990000.00 T"),
            (percent(Some(1.7e308)), "+1.70e308 %"),
            (percent(Some(-1e300)), "-1.00e300 %"),
        ] {
            assert_eq!(shown, written);
        }
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
