//! Counts for people.

/// A number of things: `1 letter`, `5,000 letters`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", count(number))
}

/// A count with thousands separated: `5,000`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
#[test]
fn thousands_are_separated_and_one_is_one() {
    assert_eq!([counted(1, "letter"), counted(1_234_567, "letter")], ["1 letter", "1,234,567 letters"]);
}
