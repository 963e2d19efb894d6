//! The `status` envelope around every answer.

use chrono::{DateTime, Utc};
use domain::ApiVersion;

use crate::errors::ApiError;
use crate::listing_page::ListingPage;

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
    pub(crate) fn listing(&self, version: ApiVersion, page: &ListingPage) -> String {
        let status = self.success(version, page.total_count);
        let rows = page.rows.join(",");
        match version {
            ApiVersion::V1 => format!("{{\"status\":{status},\"data\":[{rows}]}}"),
            ApiVersion::V3 => format!("{{\"data\":[{rows}],\"status\":{status}}}"),
        }
    }

    /// The body of a v3 answer with one object in it, given as JSON.
    pub(crate) fn v3_object(&self, json: &str) -> String {
        format!("{{\"data\":{json},\"status\":{}}}", self.success(ApiVersion::V3, None))
    }

    /// The body of a v1 answer with one object in it, given as JSON.
    pub(crate) fn object(&self, json: &str) -> String {
        self.about(false, json)
    }

    /// The body of an answer about `data`, given as JSON, which comes first in those of v3.
    pub(crate) fn about(&self, is_v3: bool, data: &str) -> String {
        if is_v3 {
            format!("{{\"data\":{data},\"status\":{}}}", self.success(ApiVersion::V3, None))
        } else {
            format!("{{\"status\":{},\"data\":{data}}}", self.success(ApiVersion::V1, None))
        }
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
    fn bodies_are_json_in_the_order_of_their_version() {
        let status = Status {
            timestamp: DateTime::from_timestamp(1_795_356_000, 658_000_000).unwrap(),
            elapsed_ms: 20,
            credits: 1,
            notice: Some("say \"when\"".to_owned()),
            code_as_text: false,
        };
        let page = ListingPage { rows: vec!["{}".to_owned()], total_count: Some(7) };
        let inner = r#"{"timestamp":"2026-11-22T14:00:00.658Z","error_code":0,"error_message":null,"elapsed":20,"credit_count":1,"notice":"say \"when\"","total_count":7}"#;
        assert_eq!(status.listing(ApiVersion::V1, &page), format!(r#"{{"status":{inner},"data":[{{}}]}}"#));
        assert!(status.listing(ApiVersion::V3, &page).starts_with(r#"{"data":[{}],"status":{"#));
        let error = status.error(&ApiError::documented(1008).unwrap());
        let error: serde_json::Value = serde_json::from_str(&error).unwrap();
        assert_eq!(error["status"]["error_code"], 1008);
        assert!(error.get("data").is_none());
    }
}
