//! Instants, most of which are written in one way.

use chrono::NaiveDate;
use domain::timestamp;

/// The instant `text`, in milliseconds since 1970.
pub(super) fn millis(text: &str) -> Option<i64> {
    fixed_width(text).or_else(|| Some(timestamp::from_text(text)?.timestamp_millis()))
}

/// Reads `2026-11-22T14:00:00.000Z`, the only form that the API sends.
fn fixed_width(text: &str) -> Option<i64> {
    let text: &[u8; 24] = text.as_bytes().try_into().ok()?;
    let [
        y0,
        y1,
        y2,
        y3,
        b'-',
        m0,
        m1,
        b'-',
        d0,
        d1,
        b'T',
        h0,
        h1,
        b':',
        n0,
        n1,
        b':',
        s0,
        s1,
        b'.',
        f0,
        f1,
        f2,
        b'Z',
    ] = *text
    else {
        return None;
    };
    let number = |digits: &[u8]| {
        let digit = |number, byte: &u8| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'));
        digits.iter().try_fold(0, digit)
    };
    let year = i32::try_from(number(&[y0, y1, y2, y3])?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(&[m0, m1])?, number(&[d0, d1])?)?;
    let (hour, minute, second) = (number(&[h0, h1])?, number(&[n0, n1])?, number(&[s0, s1])?);
    Some(date.and_hms_milli_opt(hour, minute, second, number(&[f0, f1, f2])?)?.and_utc().timestamp_millis())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) {
        assert_eq!(millis(text), timestamp::from_text(text).map(|at| at.timestamp_millis()), "{text}");
    }

    #[test]
    fn odd_instants_are_read_as_everywhere() {
        for text in [
            "2026-11-22T14:00:00.000Z",
            "2024-02-29T23:59:59.999Z",
            "2023-02-29T00:00:00.000Z",
            "0000-01-01T00:00:00.000Z",
            "9999-12-31T23:59:59.999Z",
            "1969-12-31T23:59:59.999Z",
            "2016-12-31T23:59:60.500Z",
            "2026-11-22T24:00:00.000Z",
            "2026-11-22T14:60:00.000Z",
            "2026-11-22t14:00:00.000z",
            "2026-11-22 14:00:00.000Z",
            "2026-11-22T14:00:00.0000",
            "2026-11-22T14:00:00Z",
            "2026-11-22T14:00:00.123456Z",
            "2026-11-22T16:00:00.000+02:00",
            "2026-13-01T00:00:00.000Z",
            "+026-11-22T14:00:00.000Z",
            "2026-11-22T14:00:00,000Z",
            "20é6-11-22T14:00:00.00Z",
            "",
            "yesterday",
        ] {
            check(text);
        }
    }

    proptest! {
        #[test]
        fn any_instant_is_read_as_everywhere(
            text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\\.[0-9]{3}(Z|z|\\+01:00)"
        ) {
            check(&text);
        }
    }
}
