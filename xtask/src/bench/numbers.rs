//! Medians and percentiles, how numbers are written, and the stopwatch.

/// What has passed since it was started.
pub(super) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
    pub(super) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    pub(super) fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// The middle of `values`, or the mean of the two in the middle; `None` when there are none.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        return values.get(middle).copied();
    }
    let (below, above) = (values.get(middle.checked_sub(1)?)?, values.get(middle)?);
    Some(f64::midpoint(*below, *above))
}

/// The smallest value that `percent` of a hundred of `values` do not exceed.
pub(super) fn percentile(values: impl IntoIterator<Item = f64>, percent: usize) -> Option<f64> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied()
}

/// Small numbers with two decimals, large ones with none.
pub(super) fn plain(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { thousands(value) }
}

/// A whole number, its digits in groups of three.
pub(super) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0]), Some(3.0));
        assert_eq!(median([5.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median([4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values = || (1..=40).map(f64::from);
        assert_eq!(percentile(values(), 50), Some(20.0));
        assert_eq!(percentile(values(), 99), Some(40.0));
        assert_eq!(percentile([7.0], 99), Some(7.0));
        assert_eq!(percentile([], 50), None);
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(["0.23", "7.00", "250,000", "12"], [0.2345, 7.0, 250_000.0, 12.4].map(plain));
        assert_eq!(["999", "1,000", "1,234,567"], [999.0, 1000.0, 1_234_567.0].map(thousands));
    }
}
