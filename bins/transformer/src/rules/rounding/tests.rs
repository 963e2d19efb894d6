//! Every number is right after all the rules, not only after its own.

use domain::{Kind, Measure};
use proptest::prelude::*;

use super::*;
use crate::frame::frame_of;
use crate::read::rows;
use crate::rules::{Limits, apply};
use crate::schema;
use crate::test_page::{TestCoin, meta, now};

/// What becomes of `number` as `measure`.
fn changed(measure: Measure, number: f64) -> f64 {
    let mut coins = rows(&[TestCoin::new(1)]);
    coins[0].quotes[0].numbers[measure as usize] = Some(number);
    let mut frame = frame_of(&coins);
    apply(&mut frame, &Limits::new(&meta(), now())).unwrap();
    schema::numbers(&frame, measure).unwrap().get(0).expect("a number stays a number")
}

/// What projects say of themselves is NULL when it is less than zero.
fn possible(measure: Measure, number: f64) -> f64 {
    if measure.is_optional() { number.abs() } else { number }
}

fn check(measure: Measure, number: f64, expected: f64) {
    let found = changed(measure, number);
    assert_eq!(found.to_bits(), expected.to_bits(), "{} {number:?} became {found:?}", measure.column());
}

#[test]
fn percentages_have_two_decimals_and_halves_go_to_the_even_one() {
    for (number, expected) in [
        (0.066_107_2, 0.07),
        (-5.434_763_37, -5.43),
        (0.125, 0.12),
        (0.375, 0.38),
        (-0.125, -0.12),
        (0.0, 0.0),
        (-0.001, 0.0),
        (5e-324, 0.0),
        (1e300, 1e300),
        (f64::MAX, f64::MAX),
        (f64::MIN, f64::MIN),
    ] {
        check(Measure::PercentChange24h, number, expected);
    }
}

#[test]
fn money_has_fifteen_digits_at_any_magnitude() {
    for (number, expected) in [
        (1_255_369_550_893.085_1, 1_255_369_550_893.09),
        (71_742_481_749.962_07, 71_742_481_749.962_1),
        (123_456_789_012_345_678.0, 123_456_789_012_346_000.0),
        (0.1 + 0.2, 0.3),
        (0.0, 0.0),
        (-0.0, 0.0),
        (5e-324, 5e-324),
    ] {
        check(Measure::MarketCap, number, expected);
    }
}

#[test]
fn prices_and_supplies_that_are_hard_to_keep() {
    for measure in [Measure::Price, Measure::CirculatingSupply, Measure::TotalSupply, Measure::MaxSupply] {
        for number in [5e-18, 1e-30, 5e-324, 0.1 + 0.2, 9_007_199_254_740_993.0, 1e24, f64::MAX] {
            check(measure, number, number);
        }
        check(measure, -0.0, 0.0);
    }
}

fn of_kind(kind: Kind) -> impl Strategy<Value = Measure> {
    proptest::sample::select(of_kinds(&[kind]).collect::<Vec<_>>())
}

fn finite() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("finite", |number| number.is_finite())
}

proptest! {
    #[test]
    fn real_prices_keep_every_bit(exponent in -17.4_f64..6.0) {
        let price = 10_f64.powf(exponent);
        prop_assert_eq!(changed(Measure::Price, price).to_bits(), price.to_bits());
    }

    #[test]
    fn prices_and_supplies_keep_every_bit(
        measure in prop_oneof![of_kind(Kind::Price), of_kind(Kind::Supply)],
        number in finite(),
    ) {
        let number = possible(measure, if number == 0.0 { 0.0 } else { number });
        prop_assert_eq!(changed(measure, number).to_bits(), number.to_bits());
    }

    #[test]
    fn rounded_money_is_finite_and_within_half_of_its_last_digit(measure in of_kind(Kind::Money), number in finite()) {
        let number = possible(measure, number);
        let rounded = changed(measure, number);
        prop_assert!(rounded.is_finite());
        // The half itself, and a little for the arithmetic; below the normal numbers a double has fewer digits.
        let tolerance = number.abs() * 5.1e-15 + 5e-324;
        prop_assert!((rounded - number).abs() <= tolerance, "{number:?} became {rounded:?}");
        prop_assert!(number == 0.0 || rounded != 0.0);
    }

    #[test]
    fn rounded_money_of_real_size_has_at_most_fifteen_digits(exponent in -3.0_f64..15.0) {
        let rounded = changed(Measure::Volume24h, 10_f64.powf(exponent));
        let fifteen: f64 = format!("{rounded:.14e}").parse().unwrap();
        prop_assert_eq!(rounded.to_bits(), fifteen.to_bits());
    }

    #[test]
    fn rounded_percentages_are_finite_and_within_half_a_hundredth(
        measure in of_kind(Kind::Percent),
        number in prop_oneof![finite(), -1e6..1e6],
    ) {
        let rounded = changed(measure, number);
        prop_assert!(rounded.is_finite());
        let tolerance = 0.005 + number.abs() * 4.0 * f64::EPSILON;
        prop_assert!((rounded - number).abs() <= tolerance, "{number:?} became {rounded:?}");
    }

    #[test]
    fn no_zero_has_a_sign(measure in proptest::sample::select(Measure::ALL.to_vec()), small in -0.004..=0.0) {
        for number in [-0.0, small] {
            let changed = changed(measure, possible(measure, number));
            prop_assert!(changed != 0.0 || changed.is_sign_positive());
        }
    }
}
