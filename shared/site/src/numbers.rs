//! Numbers for people, as they are written on pages about prices; the exact ones stand beside them.

pub(crate) use domain::count;
use domain::thousands;
use domain::{Kind, Measure};
use maud::{Markup, html};

/// From here on digits stand for nothing, and there may be three hundred of them.
const HUGE: f64 = 1e15;

/// What stands where there is no number.
pub(crate) const NONE: &str = "–";

/// A price: two decimals from 1 up, four significant digits below.
pub(crate) fn price(amount: f64) -> String {
    let size = amount.abs();
    if amount == 0.0 {
        return "0".to_owned();
    }
    if !(1e-9..HUGE).contains(&size) {
        return format!("{amount:.3e}");
    }
    // What would round to 1 is written as 1 is.
    if size >= 0.99995 {
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

/// An amount of money or of coins in a short form: `1.27 T`, `35.1 M`.
pub(crate) fn short(amount: f64) -> String {
    let size = amount.abs();
    if size >= HUGE * 1e3 {
        return format!("{amount:.2e}");
    }
    for (unit, name) in [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")] {
        // What would round to 1,000 of the smaller unit is 1 of this one.
        if size >= unit * 0.999_995 {
            // A narrow line must not break between them.
            return format!("{:.2}\u{a0}{name}", amount / unit);
        }
    }
    // Below 1 as many digits as of a price.
    if amount != 0.0 && size < 0.999_95 { price(amount) } else { format!("{amount:.2}") }
}

/// A percentage with its sign.
pub(crate) fn percent(amount: f64) -> String {
    // What lost nearly all is not gone.
    let size = if -100.0 < amount && amount <= -99.995 { 99.99 } else { amount.abs() };
    let text = if size >= HUGE { format!("{size:.2e}") } else { thousands(&format!("{size:.2}")) };
    let is_nothing = size < 0.005;
    let sign = if is_nothing {
        ""
    } else if amount < 0.0 {
        "\u{2212}"
    } else {
        "+"
    };
    format!("{sign}{text}\u{a0}%")
}

/// All digits of a number, and no more than it has.
pub(crate) fn exact(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-12..1e21).contains(&size) { format!("{number:e}") } else { format!("{number}") }
}

/// What `measure` is, for people; its exact value is in the title.
pub(crate) fn amount(measure: Measure, number: Option<f64>) -> Markup {
    let Some(number) = number else { return html! { (NONE) } };
    match measure.kind() {
        Kind::Percent => change(Some(number)),
        kind => {
            let text = match kind {
                Kind::Price => price(number),
                Kind::Count => thousands(&format!("{number}")),
                Kind::Money | Kind::Supply | Kind::Percent => short(number),
            };
            html! { span title=(exact(number)) { (text) } }
        }
    }
}

/// A change in percent: a sign, an arrow and a colour.
pub(crate) fn change(percentage: Option<f64>) -> Markup {
    let Some(number) = percentage else { return html! { (NONE) } };
    let (class, arrow) = match percent(number).chars().next() {
        Some('+') => ("up", Some("▲")),
        Some('\u{2212}') => ("down", Some("▼")),
        _ => ("even", None),
    };
    html! {
        span class=(class) {
            // The place of an arrow would be a blank.
            @if let Some(arrow) = arrow { span.arrow aria-hidden="true" { (arrow) } }
            (percent(number))
        }
    }
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
            (1.7e308, "1.700e308"),
            (-1234.5, "-1,234.50"),
        ] {
            assert_eq!(price(amount), written);
        }
        assert_eq!(short(1.265_258e12), "1.27\u{a0}T");
        assert_eq!(short(999.0), "999.00");
        // A small coin's volume in bitcoin is not nothing.
        assert_eq!([short(0.0049), short(-1e-12), short(0.0)], ["0.004900", "-1.000e-12", "0.00"]);
        assert_eq!(short(1.7e308), "1.70e308");
        // At a unit's edge.
        assert_eq!(price(0.999_96), "1.00");
        assert_eq!(price(0.999_94), "0.9999");
        for (amount, written) in [
            (999.99, "999.99"),
            (999.999, "1.00\u{a0}K"),
            (-999.999, "-1.00\u{a0}K"),
            (999_994.0, "999.99\u{a0}K"),
            (999_999.0, "1.00\u{a0}M"),
            (999_999_999.0, "1.00\u{a0}B"),
            (999_999_999_999.0, "1.00\u{a0}T"),
        ] {
            assert_eq!(short(amount), written);
        }
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn a_change_has_a_sign_unless_it_is_none() {
        for (amount, written) in [
            (1.2, "+1.20\u{a0}%"),
            (-1.2, "\u{2212}1.20\u{a0}%"),
            (0.001, "0.00\u{a0}%"),
            (-0.0, "0.00\u{a0}%"),
            (12_345.6, "+12,345.60\u{a0}%"),
            (-99.999, "\u{2212}99.99\u{a0}%"),
            (-100.0, "\u{2212}100.00\u{a0}%"),
            (99.999, "+100.00\u{a0}%"),
            (-1e300, "\u{2212}1.00e300\u{a0}%"),
        ] {
            assert_eq!(percent(amount), written);
        }
        assert!(change(Some(-3.0)).into_string().contains("class=\"down\""));
        assert_eq!(change(Some(0.0)).into_string(), "<span class=\"even\">0.00\u{a0}%</span>");
    }

    #[test]
    fn exact_numbers_can_be_read_back() {
        for number in [0.1, 1e-18, 63_120.955_116_672_26, 1.7e308, 0.0, -5.5, 1e20] {
            assert_eq!(exact(number).parse::<f64>().unwrap().to_bits(), number.to_bits());
        }
    }
}
