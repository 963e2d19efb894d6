//! `/v1/key/info`: what the API key may still do.

use chrono::{DateTime, Utc};
use domain::timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::BodyFault;

/// Limits and use of an API key; what the API did not say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyStatus {
    /// Requests that the plan allows in a UTC minute.
    pub minute_limit: Option<u64>,
    /// Credits that the plan includes in a month.
    pub monthly_limit: Option<u64>,
    /// Credits left in it.
    pub monthly_left: Option<u64>,
    /// When the next month of the plan begins.
    pub resets_at: Option<DateTime<Utc>>,
    /// Whether a simulator answered.
    pub simulated: bool,
}

impl KeyStatus {
    pub(super) fn read(raw: Option<&RawValue>, simulated: bool) -> Result<Self, BodyFault> {
        let raw = raw.ok_or(BodyFault::NoData)?;
        let data: Value = serde_json::from_str(raw.get()).map_err(|_| BodyFault::BadEnvelope)?;
        if !data.is_object() {
            return Err(BodyFault::BadEnvelope);
        }
        let number = |path: &str| data.pointer(path).and_then(Value::as_u64);
        let reset = data.pointer("/plan/credit_limit_monthly_reset_timestamp").and_then(Value::as_str);
        Ok(Self {
            minute_limit: number("/plan/rate_limit_minute"),
            monthly_limit: number("/plan/credit_limit_monthly"),
            monthly_left: number("/usage/current_month/credits_left"),
            resets_at: reset.and_then(timestamp::from_text),
            simulated,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_and_none_of_them_is_needed() {
        let check = |data: &str, expected: KeyStatus| {
            let raw = RawValue::from_string(data.to_owned()).unwrap();
            assert_eq!(KeyStatus::read(Some(&raw), false).unwrap(), expected);
        };
        check(
            r#"{"plan":{"credit_limit_monthly":10000,"credit_limit_monthly_reset":"In 3 days",
                "credit_limit_monthly_reset_timestamp":"2026-12-01T00:00:00.000Z","rate_limit_minute":30},
                "usage":{"current_minute":{"requests_made":1,"requests_left":29},
                "current_day":{"credits_used":25,"credits_left":9000},
                "current_month":{"credits_used":500,"credits_left":9500}}}"#,
            KeyStatus {
                minute_limit: Some(30),
                monthly_limit: Some(10_000),
                monthly_left: Some(9500),
                resets_at: timestamp::from_text("2026-12-01T00:00:00.000Z"),
                simulated: false,
            },
        );
        check("{}", KeyStatus::default());
        check(r#"{"plan":{"rate_limit_minute":"many"},"usage":null}"#, KeyStatus::default());
    }

    #[test]
    fn another_answer_is_an_error() {
        let raw = RawValue::from_string("[]".to_owned()).unwrap();
        assert_eq!(KeyStatus::read(Some(&raw), false), Err(BodyFault::BadEnvelope));
        assert_eq!(KeyStatus::read(None, false), Err(BodyFault::NoData));
    }
}
