//! Counts for people.

/// A number of things: `1 letter`, `5,000 letters`. The plural takes an `s`.
pub fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", count(number))
}

/// A count with its thousands apart: `5,000`.
pub fn count(number: u64) -> String {
    thousands(&number.to_string())
}

/// A number, written in decimals, with its thousands apart: `-1234.5` is `-1,234.5`.
pub fn thousands(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, rest) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
    let mut grouped = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart_and_one_is_one() {
        assert_eq!([counted(1, "letter"), counted(1_234_567, "letter")], ["1 letter", "1,234,567 letters"]);
        assert_eq!([count(0), count(999), count(1000)], ["0", "999", "1,000"]);
        assert_eq!(["-1234.5678", "123", "-123"].map(thousands), ["-1,234.5678", "123", "-123"]);
    }
}
