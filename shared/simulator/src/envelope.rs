//! The `status` envelope around every answer, and the errors that the real API documents.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::page::Page;
use domain::ApiVersion;

/// Code, HTTP status and message of the documented errors; 1022 was only ever seen.
const ERRORS: [(u32, u16, &str); 14] = [
    (1001, 401, "This API Key is invalid."),
    (1002, 401, "API key missing."),
    (1003, 402, "Your API Key must be activated. Please go to pro.coinmarketcap.com/account/plan."),
    (1004, 402, "Your API Key's subscription plan has expired."),
    (1005, 403, "An API Key is required for this call."),
    (1006, 403, "Your API Key subscription plan doesn't support this endpoint."),
    (1007, 403, "This API Key has been disabled. Please contact support."),
    (1008, 429, "You've exceeded your API Key's HTTP request rate limit. Rate limits reset every minute."),
    (1009, 429, "You've exceeded your API Key's daily rate limit."),
    (1010, 429, "You've exceeded your API Key's monthly rate limit."),
    (1011, 429, "You've hit an IP rate limit."),
    (1022, 429, "You've hit the anonymous rate limit."),
    (400, 400, "Invalid value for \"id\""),
    (500, 500, "An internal server error occurred"),
];

/// An error as the API answers it.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: u32,
    pub(crate) message: Cow<'static, str>,
}

impl ApiError {
    /// The documented error with this code.
    pub(crate) fn documented(code: u32) -> Option<Self> {
        let (_, status, message) = ERRORS.iter().find(|(known, ..)| *known == code)?;
        Some(Self { status: *status, code, message: Cow::Borrowed(message) })
    }

    /// `code` under an HTTP status that the documentation may not pair it with.
    pub(crate) fn with_status(status: u16, code: u32) -> Self {
        match Self::documented(code) {
            Some(error) => Self { status, ..error },
            None => Self { status, code, message: "The system is busy, please try again later.".into() },
        }
    }

    /// 400: a parameter is wrong.
    pub(crate) fn bad_request(message: String) -> Self {
        Self { status: 400, code: 400, message: message.into() }
    }

    /// 404: there is nothing at this path.
    pub(crate) fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self { status: 404, code: 404, message: message.into() }
    }
}

/// The codes of the documented errors, for texts that list them.
pub(crate) fn documented_codes() -> impl Iterator<Item = u32> {
    ERRORS.iter().map(|(code, ..)| *code)
}

/// The status object of one answer.
pub(crate) struct Status {
    pub(crate) timestamp: DateTime<Utc>,
    pub(crate) elapsed_ms: i64,
    pub(crate) credits: u64,
    pub(crate) notice: Option<String>,
    /// `"error_code":"0"`, as some v3 answers have it.
    pub(crate) code_as_text: bool,
}

impl Status {
    /// The start of every status object, without its closing brace. `message` is JSON.
    fn open(&self, code: u32, message: &str) -> String {
        let quote = if self.code_as_text { "\"" } else { "" };
        format!(
            r#"{{"timestamp":"{}","error_code":{quote}{code}{quote},"error_message":{message},"elapsed":{},"credit_count":{}"#,
            self.timestamp.format("%Y-%m-%dT%H:%M:%S%.3fZ"),
            self.elapsed_ms,
            self.credits,
        )
    }

    /// The whole status object of a success.
    fn success(&self, version: ApiVersion, total_count: Option<usize>) -> String {
        let message = match version {
            ApiVersion::V1 => "null",
            ApiVersion::V3 => "\"\"",
        };
        let notice = self.notice.as_deref().map_or_else(|| "null".to_owned(), json_text);
        let total = total_count.map(|count| format!(",\"total_count\":{count}")).unwrap_or_default();
        format!("{},\"notice\":{notice}{total}}}", self.open(0, message))
    }

    /// The body of a listing. v1 has the status first, v3 the rows.
    pub(crate) fn listing(&self, version: ApiVersion, page: &Page) -> String {
        let status = self.success(version, Some(page.total_count));
        let rows = page.rows.join(",");
        match version {
            ApiVersion::V1 => format!("{{\"status\":{status},\"data\":[{rows}]}}"),
            ApiVersion::V3 => format!("{{\"data\":[{rows}],\"status\":{status}}}"),
        }
    }

    /// The body of a v1 answer with one object in it, given as JSON.
    pub(crate) fn object(&self, json: &str) -> String {
        format!("{{\"status\":{},\"data\":{json}}}", self.success(ApiVersion::V1, None))
    }

    /// The body of an error: a status and no data.
    pub(crate) fn error(&self, error: &ApiError) -> String {
        format!("{{\"status\":{}}}}}", self.open(error.code, &json_text(&error.message)))
    }
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_code_brings_its_documented_status_and_message() {
        let error = ApiError::documented(1003).unwrap();
        assert_eq!(error.status, 402);
        assert!(error.message.contains("must be activated"));
        assert!(ApiError::documented(1000).is_none());
    }

    #[test]
    fn bodies_are_json_in_the_order_of_their_version() {
        let status = Status {
            timestamp: DateTime::from_timestamp(1_795_356_000, 658_000_000).unwrap(),
            elapsed_ms: 20,
            credits: 1,
            notice: Some("say \"when\"".to_owned()),
            code_as_text: false,
        };
        let page = Page { rows: vec!["{}".to_owned()], total_count: 7 };
        let inner = r#"{"timestamp":"2026-11-22T14:00:00.658Z","error_code":0,"error_message":null,"elapsed":20,"credit_count":1,"notice":"say \"when\"","total_count":7}"#;
        assert_eq!(status.listing(ApiVersion::V1, &page), format!(r#"{{"status":{inner},"data":[{{}}]}}"#));
        assert!(status.listing(ApiVersion::V3, &page).starts_with(r#"{"data":[{}],"status":{"#));
        let error = status.error(&ApiError::documented(1008).unwrap());
        let error: serde_json::Value = serde_json::from_str(&error).unwrap();
        assert_eq!(error["status"]["error_code"], 1008);
        assert!(error.get("data").is_none());
    }
}
