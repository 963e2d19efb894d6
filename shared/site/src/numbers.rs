//! Numbers for people, as they are written on pages about prices; the exact ones stand beside them.

pub(crate) use domain::amounts::price;
pub(crate) use domain::count;
use domain::{Kind, Measure, amounts, thousands};
use maud::{Markup, html};

/// What stands where there is no number.
pub(crate) const NONE: &str = "–";

/// An amount of money or of coins in a short form: `1.27 T`, `35.10 M`. A narrow line does not break before its unit.
pub(crate) fn short(amount: f64) -> String {
    unbroken(&amounts::money(amount))
}

/// A percentage with its sign, which is a minus and no hyphen.
pub(crate) fn percent(amount: f64) -> String {
    let text = unbroken(&amounts::percent(amount));
    match text.strip_prefix('-') {
        Some(size) => format!("\u{2212}{size}"),
        None => text,
    }
}

fn unbroken(text: &str) -> String {
    text.replace(' ', "\u{a0}")
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

    /// How many digits there are is tested where that is decided, in `domain`.
    #[test]
    fn a_number_stays_in_its_line_and_has_a_minus() {
        assert_eq!([short(1.265_258e12), short(999.0)], ["1.27\u{a0}T", "999.00"]);
        assert_eq!([percent(1.2), percent(-1.2)], ["+1.20\u{a0}%", "\u{2212}1.20\u{a0}%"]);
        assert_eq!(percent(-1e300), "\u{2212}1.00e300\u{a0}%");
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
