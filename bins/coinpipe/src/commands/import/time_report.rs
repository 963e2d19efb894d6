//! How the times of a table are read, in words: a wrong zone would move the whole history.

use domain::timestamp;
use ports::source::LegacyRow;

use super::mapping::{Field, Mapping};
use super::row_time::{RowTime, Times};

/// One line for each way in which the times of `rows` are read, with an example. `is_utc`: the column's values come in UTC.
pub(super) fn lines(mapping: &Mapping, rows: &[LegacyRow], times: &Times, is_utc: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let column = mapping.column(Field::LastUpdated).unwrap_or_default();
    let texts = || rows.iter().filter_map(|row| mapping.text(row, Field::LastUpdated));
    let reads_in_zone =
        |text: &&str| timestamp::from_text(text).is_none() && RowTime::of(Some(text), times).at.is_some();
    if let Some(example) = texts().find(reads_in_zone) {
        let RowTime { text, .. } = RowTime::of(Some(example), times);
        lines.push(if is_utc {
            format!("{column} is a TIMESTAMP, which the server gives in UTC: {example} is {text}")
        } else {
            format!(
                "{column} does not say its time zone and is read as {}: {example} is {text}; --time-zone names another",
                times.zone
            )
        });
    }
    if let Some(example) = texts().find(|text| timestamp::from_text(text).is_some()) {
        let RowTime { text, .. } = RowTime::of(Some(example), times);
        lines.push(format!("{column} says its time zone: {example} is {text}"));
    }
    let doubled = texts().filter(|text| RowTime::of(Some(text), times).is_doubled).count();
    if doubled > 0 {
        lines.push(format!(
            "{doubled} of them were shown twice by clocks in {}; the first is taken",
            times.zone
        ));
    }
    let without = rows.len() - texts().count();
    if without > 0 {
        lines.push(match times.as_of {
            Some(at) => format!("{without} of {} rows have none and are as of {}", rows.len(), timestamp::to_text(at)),
            None => format!(
                "{without} of {} rows have none and will be rejected; --as-of says when their numbers were right",
                rows.len()
            ),
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::Zone;

    fn told(texts: &[Option<&str>], zone: &str, as_of: Option<&str>, is_utc: bool) -> Vec<String> {
        let columns = ["symbol", "price", "updated"].map(str::to_owned);
        let given = [("updated".to_owned(), "last_updated".to_owned())];
        let mapping = Mapping::new(&columns, &given, false).unwrap();
        // Columns are read in the order in which the mapping has them.
        let at = mapping.columns().iter().position(|column| column == "updated").unwrap();
        let row = |time: Option<&str>| {
            let mut row = vec![Some("1".to_owned()); 3];
            row[at] = time.map(str::to_owned);
            row
        };
        let rows: Vec<_> = texts.iter().copied().map(row).collect();
        let as_of = as_of.and_then(timestamp::from_text);
        lines(&mapping, &rows, &Times { zone: Zone::parse(zone).unwrap(), as_of }, is_utc)
    }

    #[test]
    fn each_way_in_which_times_are_read_is_told_with_an_example() {
        let local = Some("2026-11-25 13:00:00");
        assert_eq!(
            told(&[None, local], "-05:00", None, false),
            [
                "updated does not say its time zone and is read as -05:00: 2026-11-25 13:00:00 is 2026-11-25T18:00:00.000Z; \
                 --time-zone names another",
                "1 of 2 rows have none and will be rejected; --as-of says when their numbers were right",
            ]
        );
        assert_eq!(
            told(&[local], "UTC", None, true),
            [
                "updated is a TIMESTAMP, which the server gives in UTC: 2026-11-25 13:00:00 is 2026-11-25T13:00:00.000Z"
            ]
        );
        let (zoned, doubled) = (Some("2026-11-25T13:00:00+01:00"), Some("2026-10-25 02:30:00"));
        let lines = told(&[zoned, doubled, Some("")], "Europe/Berlin", Some("2026-11-20T00:00:00Z"), false);
        assert!(
            lines[0].contains("is read as Europe/Berlin: 2026-10-25 02:30:00 is 2026-10-25T00:30:00.000Z"),
            "{lines:?}"
        );
        assert_eq!(
            lines[1..],
            [
                "updated says its time zone: 2026-11-25T13:00:00+01:00 is 2026-11-25T12:00:00.000Z",
                "1 of them were shown twice by clocks in Europe/Berlin; the first is taken",
                "1 of 3 rows have none and are as of 2026-11-20T00:00:00.000Z",
            ]
        );
    }
}
