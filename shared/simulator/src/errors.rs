//! The errors that the real API documents.

use std::borrow::Cow;

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
    (1022, 429, "You've reached the limit for anonymous access. Please sign up for an API key."),
    (400, 400, "Invalid value for \"id\""),
    (500, 500, "An internal server error occurred"),
];

const BUSY: &str = "The system is busy, please try again later.";

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
            None => Self { status, code, message: BUSY.into() },
        }
    }

    /// 500, which is also how anonymous callers are kept away.
    pub(crate) fn busy() -> Self {
        Self { status: 500, code: 500, message: BUSY.into() }
    }

    /// Whether its code is written as text, as 1022 is.
    pub(crate) fn is_text(&self) -> bool {
        self.code == 1022
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
}
