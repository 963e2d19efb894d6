//! The query parameters of quotes/historical and of listings/historical.

use chrono::{DateTime, DurationRound, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::{ListingQuery, converts, number, one_of};
use crate::currency::{Currency, by_symbol};
use crate::errors::ApiError;
use crate::key::KEY_PARAMETER;

/// What `aux` may name. All but the last are the default.
const FIELDS: [&str; 9] = [
    "price",
    "volume",
    "market_cap",
    "circulating_supply",
    "total_supply",
    "quote_timestamp",
    "is_active",
    "is_fiat",
    "search_interval",
];
const DEFAULT: usize = 8;
/// The intervals that are simulated: the first quote of each hour or day.
const INTERVALS: [(&str, TimeDelta); 2] = [("hourly", TimeDelta::hours(1)), ("daily", TimeDelta::days(1))];
/// Parameters of the real API that would change the answer and are not simulated.
const NOT_SIMULATED: [&str; 2] = ["symbol", "convert_id"];
/// The most periods of a coin in one answer.
const MOST_PERIODS: usize = 10_000;
/// A day is ready so long after its end.
const READY_AFTER: TimeDelta = TimeDelta::minutes(30);

/// A valid request for the quotes of some coins at past instants.
#[derive(Clone, Debug)]
pub(crate) struct HistoryQuery {
    pub(crate) ids: Vec<u32>,
    pub(crate) converts: Vec<&'static Currency>,
    aux: Vec<&'static str>,
    interval: TimeDelta,
    after: Option<DateTime<Utc>>,
    until: DateTime<Utc>,
    count: usize,
}

impl HistoryQuery {
    /// Checks the parameters as they are at `now`.
    pub(crate) fn parse(parameters: &[(String, String)], now: DateTime<Utc>) -> Result<Self, ApiError> {
        let mut query = Self {
            ids: Vec::new(),
            converts: by_symbol("USD").into_iter().collect(),
            aux: FIELDS[..DEFAULT].to_vec(),
            interval: TimeDelta::hours(1),
            after: None,
            until: now,
            count: 10,
        };
        for (name, value) in parameters {
            match name.as_str() {
                "id" => query.ids = ids(value)?,
                "time_start" => query.after = Some(instant("time_start", value)?),
                "time_end" => query.until = instant("time_end", value)?,
                "count" => query.count = number("count", value, MOST_PERIODS)?,
                "interval" => query.interval = one_of("interval", value, &INTERVALS)?,
                "convert" => query.converts = converts(value)?,
                "aux" => query.aux = aux(value)?,
                "skip_invalid" if value == "true" => {}
                KEY_PARAMETER => {}
                name if NOT_SIMULATED.contains(&name) || name == "skip_invalid" => {
                    return Err(ApiError::bad_request(format!(
                        "\"{name}\" is not supported by the simulator"
                    )));
                }
                unknown => return Err(ApiError::bad_request(format!("\"{unknown}\" is not allowed"))),
            }
        }
        if query.ids.is_empty() {
            return Err(ApiError::bad_request(
                "\"value\" must contain at least one of [id, symbol]".to_owned(),
            ));
        }
        Ok(query)
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.aux.contains(&field)
    }

    /// The interval between two quotes of a coin.
    pub(crate) fn interval(&self) -> TimeDelta {
        self.interval
    }

    /// The beginnings of the periods that are asked for, as far as `now` is past them: after `time_start`, up to `time_end`, as many
    /// as `count` says; without a `time_start` the newest.
    pub(crate) fn instants(&self, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let until = self.until.min(now);
        let Ok(newest) = until.duration_trunc(self.interval) else { return Vec::new() };
        let back = |periods: usize| {
            let periods = i32::try_from(periods).unwrap_or(i32::MAX);
            newest - self.interval * periods
        };
        let Some(after) = self.after else { return (0..self.count).rev().map(back).collect() };
        let count = (newest - after).num_seconds().max(0) / self.interval.num_seconds() + 1;
        let all = (0..usize::try_from(count).unwrap_or(0).min(MOST_PERIODS * 10)).rev().map(back);
        all.filter(|at| *at > after).take(self.count).collect()
    }
}

/// The day of a request for listings/historical, as the instant of its end, and what else is asked.
pub(crate) fn day(
    parameters: &[(String, String)],
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, ListingQuery), ApiError> {
    let (dates, others): (Vec<_>, Vec<_>) = parameters.iter().cloned().partition(|(name, _)| name == "date");
    let Some((_, text)) = dates.first() else {
        return Err(ApiError::bad_request("\"date\" is required".to_owned()));
    };
    let date = match text.parse::<NaiveDate>() {
        Ok(date) => date,
        Err(_) => instant("date", text)?.date_naive(),
    };
    let end = date.and_time(NaiveTime::MIN).and_utc() + TimeDelta::days(1);
    if end + READY_AFTER > now {
        return Err(ApiError::bad_request("Search query is out of range".to_owned()));
    }
    Ok((end, ListingQuery::parse(&others)?))
}

fn ids(value: &str) -> Result<Vec<u32>, ApiError> {
    let id =
        |text: &str| text.parse().map_err(|_| ApiError::bad_request("Invalid value for \"id\"".to_owned()));
    value.split(',').map(id).collect()
}

/// ISO 8601, or seconds since 1970.
fn instant(name: &str, value: &str) -> Result<DateTime<Utc>, ApiError> {
    let seconds = || DateTime::from_timestamp(value.parse().ok()?, 0);
    domain::timestamp::from_text(value).or_else(seconds).ok_or_else(|| {
        ApiError::bad_request(format!("\"{name}\" must be a valid ISO 8601 timestamp or unix time value"))
    })
}

fn aux(value: &str) -> Result<Vec<&'static str>, ApiError> {
    let known = |field: &str| FIELDS.iter().find(|known| **known == field).copied();
    let fields = value.split(',').filter(|field| !field.is_empty());
    fields
        .map(|field| {
            known(field)
                .ok_or_else(|| ApiError::bad_request(format!("Invalid value for \"aux\": \"{field}\"")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// The hours that are answered at 14:30.
    fn hours(parameters: &[(&str, &str)]) -> Vec<String> {
        let all = [("id", "1"), ("interval", "hourly")].iter().chain(parameters);
        let owned: Vec<_> = all.map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let now = at("2026-11-22T14:30:00Z");
        let instants = HistoryQuery::parse(&owned, now).unwrap().instants(now);
        instants.iter().map(|at| at.format("%dT%H").to_string()).collect()
    }

    #[test]
    fn the_begin_is_exclusive_the_end_inclusive_and_ten_are_the_default() {
        let ten: Vec<_> = (5..=14).map(|hour| format!("22T{hour:02}")).collect();
        assert_eq!(hours(&[]), ten);
        let span = [("time_start", "2026-11-22T10:00:00Z"), ("time_end", "2026-11-22T12:00:00Z")];
        assert_eq!(hours(&span), ["22T11", "22T12"]);
        assert_eq!(hours(&[("time_start", "2026-11-22T13:59:59Z")]), ["22T14"]);
        assert_eq!(hours(&[("time_start", "2026-11-22T00:00:00Z"), ("count", "2")]), ["22T01", "22T02"]);
        assert_eq!(hours(&[("time_end", "1795305600"), ("count", "1")]), ["22T00"]);
    }
}
