//! The account behind the keys: who may call, how often, and what it costs.

mod usage;

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime, Utc};
use serde_json::json;

use self::usage::Usage;
use crate::errors::ApiError;
use crate::options::{KeyPolicy, Options};

/// One plan and its usage. Safe to share.
pub(crate) struct Account {
    keys: KeyPolicy,
    per_minute: u32,
    anonymous_minute: u32,
    per_month: u64,
    per_day: Option<u64>,
    converts: usize,
    usage: Mutex<Usage>,
}

impl Account {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            keys: options.keys.clone(),
            per_minute: options.rate_limit_minute,
            anonymous_minute: options.anonymous_minute,
            per_month: options.credits_monthly,
            per_day: options.credits_daily,
            converts: options.converts,
            usage: Mutex::default(),
        }
    }

    /// Whether this key may call at all. An empty key is a missing one.
    pub(crate) fn check_key(&self, key: Option<&str>) -> Result<(), ApiError> {
        let refuse = |code| ApiError::documented(code).map_or(Ok(()), Err);
        match (&self.keys, key.filter(|key| !key.is_empty())) {
            (KeyPolicy::NotNeeded, _) | (KeyPolicy::Any, Some(_)) => Ok(()),
            (KeyPolicy::OneOf(keys), Some(key)) if keys.iter().any(|known| known == key) => Ok(()),
            (KeyPolicy::OneOf(_), Some(_)) => refuse(1001),
            (KeyPolicy::Any | KeyPolicy::OneOf(_), None) => refuse(1002),
        }
    }

    /// Counts one call in the current UTC minute, or refuses it.
    pub(crate) fn count_call(&self, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.with_usage(now, |usage| {
            if usage.calls >= self.per_minute {
                return Err(ApiError::with_status(429, 1008));
            }
            usage.calls += 1;
            Ok(())
        })
    }

    /// Counts one call without a key in the current UTC minute, or refuses it: each second time as if the API were busy.
    pub(crate) fn count_anonymous_call(&self, now: DateTime<Utc>) -> Result<(), ApiError> {
        self.with_usage(now, |usage| {
            usage.anonymous_calls = usage.anonymous_calls.saturating_add(1);
            match usage.anonymous_calls.checked_sub(self.anonymous_minute) {
                None | Some(0) => Ok(()),
                Some(beyond) if beyond.is_multiple_of(2) => Err(ApiError::busy()),
                Some(_) => Err(ApiError::with_status(429, 1022)),
            }
        })
    }

    /// Whether the plan has so many currencies in one request.
    pub(crate) fn check_converts(&self, converts: usize) -> Result<(), ApiError> {
        if converts <= self.converts {
            return Ok(());
        }
        Err(ApiError::bad_request(format!("Your plan is limited to {} convert options", self.converts)))
    }

    /// Takes the price of an answer, or refuses it and takes nothing. The text warns above 95 % of a limit.
    pub(crate) fn spend(&self, credits: u64, now: DateTime<Utc>) -> Result<Option<String>, ApiError> {
        self.with_usage(now, |usage| {
            let (day, month) = (usage.day_credits + credits, usage.month_credits + credits);
            if self.per_day.is_some_and(|limit| day > limit) {
                return Err(ApiError::with_status(429, 1009));
            }
            if month > self.per_month {
                return Err(ApiError::with_status(429, 1010));
            }
            (usage.day_credits, usage.month_credits) = (day, month);
            let nearly = |used: u64, limit: u64| used.saturating_mul(100) > limit.saturating_mul(95);
            Ok(if self.per_day.is_some_and(|limit| nearly(day, limit)) {
                Some("You have used more than 95% of your daily credits.".to_owned())
            } else if nearly(month, self.per_month) {
                Some("You have used more than 95% of your monthly credits.".to_owned())
            } else {
                None
            })
        })
    }

    /// The `data` object of `/v1/key/info`.
    pub(crate) fn to_json(&self, now: DateTime<Utc>) -> String {
        self.with_usage(now, |usage| {
            let reset = usage.month.checked_add_months(Months::new(1)).unwrap_or(usage.month);
            let mut plan = json!({
                "credit_limit_monthly": self.per_month,
                "credit_limit_monthly_reset": time_until(reset, now),
                "credit_limit_monthly_reset_timestamp": format!("{reset}T00:00:00.000Z"),
                "rate_limit_minute": self.per_minute,
            });
            if let Some(limit) = self.per_day {
                let reset = usage.day.checked_add_days(Days::new(1)).unwrap_or(usage.day);
                plan["credit_limit_daily"] = json!(limit);
                plan["credit_limit_daily_reset"] = json!(time_until(reset, now));
                plan["credit_limit_daily_reset_timestamp"] = json!(format!("{reset}T00:00:00.000Z"));
            }
            let left = |limit: u64, used: u64| limit.saturating_sub(used);
            let usage = json!({
                "current_minute": {
                    "requests_made": usage.calls,
                    "requests_left": self.per_minute.saturating_sub(usage.calls),
                },
                "current_day": {
                    "credits_used": usage.day_credits,
                    "credits_left": self.per_day.map(|limit| left(limit, usage.day_credits)),
                },
                "current_month": {
                    "credits_used": usage.month_credits,
                    "credits_left": left(self.per_month, usage.month_credits),
                },
            });
            json!({ "plan": plan, "usage": usage }).to_string()
        })
    }

    fn with_usage<T>(&self, now: DateTime<Utc>, change: impl FnOnce(&mut Usage) -> T) -> T {
        // Counters are whole after every change, so a panic elsewhere cannot have left them half-changed.
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        usage.turn(now);
        change(&mut usage)
    }
}

/// What rows cost: one credit for every `a_credit` of them begun, one for every currency beyond the first.
pub(crate) fn credits(rows: usize, a_credit: usize, converts: usize) -> u64 {
    let credits = rows.div_ceil(a_credit).max(1) + converts.saturating_sub(1);
    u64::try_from(credits).unwrap_or(u64::MAX)
}

/// What a listing of a past day costs: one credit for every 100 rows begun, one for every currency beyond the first. So does a
/// number of past quotes.
pub(crate) fn history_credits(rows: usize, converts: usize) -> u64 {
    let credits = rows.div_ceil(100).max(1) + converts.saturating_sub(1);
    u64::try_from(credits).unwrap_or(u64::MAX)
}

/// "In 3 days, 19 hours, 56 minutes", as the API writes it.
fn time_until(reset: NaiveDate, now: DateTime<Utc>) -> String {
    let minutes = (reset.and_time(NaiveTime::MIN).and_utc() - now).num_minutes();
    format!("In {} days, {} hours, {} minutes", minutes / 1_440, minutes / 60 % 24, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_listing_costs_a_credit_per_two_hundred_rows_and_per_extra_currency() {
        assert_eq!(credits(0, 200, 1), 1);
        assert_eq!(credits(100, 200, 1), 1);
        assert_eq!(credits(201, 200, 1), 2);
        assert_eq!(credits(5_000, 200, 1), 25);
        assert_eq!(credits(5_000, 200, 3), 27);
        assert_eq!(credits(101, 100, 2), 3, "coins by their ids");
    }

    #[test]
    fn the_minute_limit_starts_over_with_the_utc_minute() {
        let account = Account::new(&Options { rate_limit_minute: 2, ..Options::default() });
        assert!(account.count_call(at("2026-11-22T14:00:01Z")).is_ok());
        assert!(account.count_call(at("2026-11-22T14:00:58Z")).is_ok());
        assert_eq!(account.count_call(at("2026-11-22T14:00:59Z")).unwrap_err().code, 1008);
        assert!(account.count_call(at("2026-11-22T14:01:00Z")).is_ok());
    }

    #[test]
    fn credits_are_refused_beyond_the_day_and_the_month_and_start_over() {
        let options = Options { credits_daily: Some(30), credits_monthly: 50, ..Options::default() };
        let account = Account::new(&options);
        assert!(account.spend(25, at("2026-11-29T10:00:00Z")).is_ok());
        assert_eq!(account.spend(6, at("2026-11-29T11:00:00Z")).unwrap_err().code, 1009);
        assert!(account.spend(25, at("2026-11-30T00:00:00Z")).unwrap().unwrap().contains("monthly"));
        assert_eq!(account.spend(1, at("2026-11-30T01:00:00Z")).unwrap_err().code, 1010);
        assert_eq!(account.spend(1, at("2026-12-01T00:00:00Z")).unwrap(), None);
    }

    #[test]
    fn the_reset_is_told_in_words() {
        assert_eq!(
            time_until("2026-12-01".parse().unwrap(), at("2026-11-27T04:04:00Z")),
            "In 3 days, 19 hours, 56 minutes"
        );
    }
}
