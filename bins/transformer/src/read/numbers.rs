//! Reads the numbers of a quote, exactly as sent.

use domain::{Measure, MeasureSet};
use serde_json::value::RawValue;

use super::CoinFault;
use crate::fields::{Fields, Sent, excerpt};

/// The numbers read so far; the fields that were not sent at all are remembered apart from null.
#[derive(Clone, Copy, Default)]
pub(super) struct Numbers {
    pub(super) values: [Option<f64>; Measure::COUNT],
    pub(super) missing: MeasureSet,
}

impl Numbers {
    /// Reads `measures` out of `fields`.
    pub(super) fn read(
        &mut self,
        fields: &Fields<'_, '_>,
        measures: impl Iterator<Item = Measure>,
    ) -> Result<(), CoinFault> {
        for measure in measures {
            match fields.get(measure.column()) {
                Sent::Missing => self.missing.insert(measure),
                Sent::Null => {}
                Sent::Value(raw) if measure.is_optional() => {
                    self.values[measure as usize] = number(raw, measure.column()).ok();
                }
                Sent::Value(raw) => self.values[measure as usize] = Some(number(raw, measure.column())?),
            }
        }
        Ok(())
    }
}

/// The double nearest to a JSON number: whole, decimal or scientific.
pub(crate) fn number(raw: &RawValue, field: &'static str) -> Result<f64, CoinFault> {
    let text = raw.get();
    let not_a_number = || CoinFault::NotANumber { field, found: excerpt(raw) };
    // JSON numbers begin so, and nothing else does; Rust would also take "inf" and "nan".
    if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return Err(not_a_number());
    }
    let value: f64 = text.parse().map_err(|_| not_a_number())?;
    if value.is_finite() {
        Ok(value)
    } else {
        Err(CoinFault::NumberOutOfRange { field, found: excerpt(raw) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<f64, &str>) {
        let raw = RawValue::from_string(text.to_owned()).unwrap();
        let found = number(&raw, "price").map(f64::to_bits).map_err(|fault| fault.rule());
        assert_eq!(found, expected.map(f64::to_bits), "{text}");
    }

    #[test]
    fn every_way_to_write_a_number_is_read_to_the_last_bit() {
        check("0", Ok(0.0));
        check("21000000", Ok(21_000_000.0));
        check("63857.73078756311", Ok(63_857.730_787_563_11));
        check("1.28e-06", Ok(1.28e-6));
        check("5E-18", Ok(5e-18));
        check("1e-30", Ok(1e-30));
        check("1E+24", Ok(1e24));
        check("155579987314341800", Ok(155_579_987_314_341_800.0));
        check("123456789012345678901234567890", Ok(123_456_789_012_345_678_901_234_567_890.0));
        check("1.7976931348623157e308", Ok(f64::MAX));
        check("-8.4273", Ok(-8.4273));
        check("1e-400", Ok(0.0));
    }

    #[test]
    fn what_is_no_double_is_refused_by_name() {
        check("1e400", Err("number_out_of_range"));
        check("-1e309", Err("number_out_of_range"));
        for text in [r#""not_available""#, r#""1.5""#, "true", "[]", "[1]", "{}", r#""NaN""#] {
            check(text, Err("not_a_number"));
        }
    }
}
