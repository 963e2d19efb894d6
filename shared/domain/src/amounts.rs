//! Amounts for people: prices, money, percentages. Plain text, as a terminal shows it; a page may dress it up.

use crate::thousands;

/// From here on digits stand for nothing, and there may be three hundred of them.
const HUGE: f64 = 1e15;

/// A price: two decimals from 1 up, four significant digits below.
pub fn price(amount: f64) -> String {
    let size = amount.abs();
    if amount == 0.0 {
        return "0".to_owned();
    }
    if !(1e-9..HUGE).contains(&size) {
        return format!("{amount:.3e}");
    }
    // What would round to 1 is written as 1 is.
    if size >= 0.999_95 {
        return thousands(&format!("{amount:.2}"));
    }
    // As many decimals as leave four significant digits.
    let mut decimals = 4;
    let mut next = size * 10.0;
    while next < 1.0 {
        next *= 10.0;
        decimals += 1;
    }
    format!("{amount:.decimals$}")
}

/// An amount of money or of coins in a short form: `1.27 T`, `35.10 M`.
pub fn money(amount: f64) -> String {
    let size = amount.abs();
    if size >= HUGE * 1e3 {
        return format!("{amount:.2e}");
    }
    for (unit, name) in [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")] {
        // What would round to 1,000 of the smaller unit is 1 of this one.
        if size >= unit * 0.999_995 {
            return format!("{:.2} {name}", amount / unit);
        }
    }
    // Below 1 as many digits as of a price.
    if amount != 0.0 && size < 0.999_95 { price(amount) } else { format!("{amount:.2}") }
}

/// A percentage with its sign: `+1.20 %`. What rounds to nothing has none.
pub fn percent(amount: f64) -> String {
    // What lost nearly all is not gone.
    let size = if -100.0 < amount && amount <= -99.995 { 99.99 } else { amount.abs() };
    let text = if size >= HUGE { format!("{size:.2e}") } else { thousands(&format!("{size:.2}")) };
    let sign = if size < 0.005 {
        ""
    } else if amount < 0.0 {
        "-"
    } else {
        "+"
    };
    format!("{sign}{text} %")
}

/// By how many percent `to` is more than `from`; `None` where that means nothing: from nothing, or from less, on.
pub fn change(from: f64, to: f64) -> Option<f64> {
    Some((to / from - 1.0) * 100.0).filter(|percentage| from > 0.0 && percentage.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From -1 to 3 it went up, and not down by 400 %.
    #[test]
    fn a_change_is_one_of_something() {
        for (from, to, percentage) in [
            (2.0, 3.0, Some(50.0)),
            (2.0, 0.0, Some(-100.0)),
            (0.0, 1.0, None),
            (-1.0, 3.0, None),
            (-1.0, -2.0, None),
            (1e-300, 1e300, None),
        ] {
            assert_eq!(change(from, to), percentage, "{from} to {to}");
        }
    }

    #[test]
    fn prices_read_well_at_every_size() {
        for (amount, written) in [
            (63_120.955_116_672_26, "63,120.96"),
            (1.0, "1.00"),
            (0.998_972_2, "0.9990"),
            (0.061_234_5, "0.06123"),
            (0.000_123_46, "0.0001235"),
            (5e-18, "5.000e-18"),
            (0.0, "0"),
            (1.7e308, "1.700e308"),
            (-1.7e308, "-1.700e308"),
            (1e14, "100,000,000,000,000.00"),
            (-1234.5, "-1,234.50"),
            // At a unit's edge.
            (0.999_96, "1.00"),
            (0.999_94, "0.9999"),
        ] {
            assert_eq!(price(amount), written);
        }
    }

    #[test]
    fn money_is_short_at_every_size() {
        for (amount, written) in [
            (1.265_258e12, "1.27 T"),
            (999.0, "999.00"),
            // A small coin's volume in bitcoin is not nothing.
            (0.0049, "0.004900"),
            (-1e-12, "-1.000e-12"),
            (0.0, "0.00"),
            (9.9e17, "990000.00 T"),
            (1.7e308, "1.70e308"),
            (-1.7e308, "-1.70e308"),
            // At a unit's edge.
            (999.99, "999.99"),
            (999.999, "1.00 K"),
            (-999.999, "-1.00 K"),
            (999_994.0, "999.99 K"),
            (999_999.0, "1.00 M"),
            (999_999_999.0, "1.00 B"),
            (999_999_999_999.0, "1.00 T"),
        ] {
            assert_eq!(money(amount), written);
        }
    }

    #[test]
    fn a_change_has_a_sign_unless_it_is_none() {
        for (amount, written) in [
            (1.2, "+1.20 %"),
            (-1.2, "-1.20 %"),
            (0.001, "0.00 %"),
            (-0.0, "0.00 %"),
            (12_345.6, "+12,345.60 %"),
            (-99.999, "-99.99 %"),
            (-100.0, "-100.00 %"),
            (99.999, "+100.00 %"),
            (1.7e308, "+1.70e308 %"),
            (-1e300, "-1.00e300 %"),
        ] {
            assert_eq!(percent(amount), written);
        }
    }
}
