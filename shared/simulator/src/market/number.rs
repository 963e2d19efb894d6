//! Numbers as the real API writes them, which is as JavaScript does.

use std::fmt;

/// Writes a number the way `JSON.stringify` would: whole floats without `.0` (so one column alternates between
/// integers and floats), an exponent below 1e-6 and from 1e21, otherwise the shortest digits that read back as
/// the same double.
pub(crate) struct Number(pub(crate) f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if (size > 0.0 && size < 1e-6) || size >= 1e21 {
            write!(f, "{:e}", self.0)
        } else {
            write!(f, "{}", self.0)
        }
    }
}

/// A number, or `null`.
pub(crate) struct Nullable(pub(crate) Option<f64>);

impl fmt::Display for Nullable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => Number(value).fmt(f),
            None => f.write_str("null"),
        }
    }
}

/// `value` with at most `decimals` decimals, and never minus zero.
pub(crate) fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale + 0.0
}

/// Percent from `then` to `now`; 0 when there was nothing to move from.
pub(crate) fn percent(now: f64, then: f64, decimals: i32) -> f64 {
    if then > 0.0 { rounded((now / then - 1.0) * 100.0, decimals) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        check(1.0, "1");
        check(0.0, "0");
        check(0.1 + 0.2, "0.30000000000000004");
        check(1.28e-6, "0.00000128");
        check(9.9e-7, "9.9e-7");
        check(5e-18, "5e-18");
        check(155_579_987_314_341_800.0, "155579987314341800");
        check(2e23, "2e23");
        check(-3.5, "-3.5");
    }

    fn check(value: f64, text: &str) {
        assert_eq!(Number(value).to_string(), text);
        assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text} does not read back");
    }

    #[test]
    fn rounding_keeps_the_asked_decimals_and_never_writes_minus_zero() {
        assert_eq!(Number(rounded(1.234_567, 4)).to_string(), "1.2346");
        assert_eq!(Number(rounded(-0.000_01, 4)).to_string(), "0");
    }
}
