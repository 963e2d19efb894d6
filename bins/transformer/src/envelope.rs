//! The envelope of a listing: `{"status": {…}, "data": [coin, …]}`.

use domain::json::each_element;
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::fault::PageFault;
use crate::fields::{Fields, Sent, excerpt};

const UTF8_BOM: &[u8] = "\u{feff}".as_bytes();

/// Gives the coins of a page to `take`, in the order sent, each checked to be JSON and not looked into yet, until
/// it fails.
pub(crate) fn each_coin<'a>(
    body: &'a [u8],
    take: impl FnMut(&'a RawValue) -> Result<(), PageFault>,
) -> Result<(), PageFault> {
    let text =
        std::str::from_utf8(body.strip_prefix(UTF8_BOM).unwrap_or(body)).map_err(PageFault::NotUtf8)?;
    let envelope = Fields::parse(text, &["status", "data"]).map_err(|error| match error.classify() {
        Category::Data => PageFault::NotAListing("it is not an object".to_owned()),
        Category::Io | Category::Syntax | Category::Eof => PageFault::BadJson(error),
    })?;
    check_status(&envelope)?;
    let problem = match envelope.get("data") {
        Sent::Missing => "data is missing".to_owned(),
        Sent::Null => "data is null".to_owned(),
        Sent::Value(raw) => match each_element(raw, take) {
            Some(ended) => return ended,
            None => format!("data is not an array but {}", excerpt(raw)),
        },
    };
    Err(PageFault::NotAListing(problem))
}

/// The API reports success as `0`, `"0"` or null.
fn check_status(envelope: &Fields) -> Result<(), PageFault> {
    let names = ["error_code", "error_message"];
    let Some(status) = envelope.get("status").value().and_then(|raw| Fields::of(raw, &names)) else {
        return Ok(());
    };
    match status.get("error_code") {
        Sent::Value(code) if !matches!(code.get(), "0" | "\"0\"") => Err(PageFault::SourceError {
            code: excerpt(code),
            message: status.get("error_message").value().map_or_else(|| "no message".to_owned(), excerpt),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of coins, or the code of the fault.
    fn check(body: impl AsRef<[u8]>, expected: Result<usize, &str>) {
        let body = body.as_ref();
        let mut coins = 0;
        let opened = each_coin(body, |_| {
            coins += 1;
            Ok(())
        });
        let found = opened.map(|()| coins).map_err(|fault| fault.code());
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(&body[..body.len().min(80)]));
    }

    #[test]
    fn a_listing_opens_whatever_the_order_and_the_form_of_success() {
        check(r#"{"status": {"error_code": 0}, "data": []}"#, Ok(0));
        check(r#"{"data": [1, {}], "status": {"error_code": "0"}}"#, Ok(2));
        check(r#"{"data": [null], "status": {"error_code": null}}"#, Ok(1));
        check(r#"{"data": [], "status": {}}"#, Ok(0));
        check(r#"{"data": []}"#, Ok(0));
        check("\u{feff}{\"data\": []} \n", Ok(0));
    }

    #[test]
    fn what_is_not_json_is_named_so() {
        for body in
            ["", "<html>busy</html>", r#"{"data": [{"id": 1"#, r#"{"data": [1e]}"#, "{} {}", "{'data': []}"]
        {
            check(body, Err("bad_json"));
        }
        check(b"{\"data\": [\"\xff\"]}", Err("not_utf8"));
        check(b"\xff\xfe{\0}\0", Err("not_utf8"));
    }

    #[test]
    fn json_of_another_shape_is_not_a_listing() {
        for body in
            ["[]", "null", "17", "{}", r#"{"data": null}"#, r#"{"data": {"1": {}}}"#, r#"{"data": "[]"}"#]
        {
            check(body, Err("not_a_listing"));
        }
    }

    #[test]
    fn an_error_of_the_api_is_told_as_such_even_without_coins() {
        for code in ["1001", "\"1001\"", "-1", "true", "[]"] {
            let status = format!(r#"{{"error_code": {code}, "error_message": "This API Key is invalid."}}"#);
            check(format!(r#"{{"status": {status}}}"#), Err("source_error"));
            check(format!(r#"{{"data": [], "status": {status}}}"#), Err("source_error"));
        }
    }

    #[test]
    fn ten_thousand_levels_of_nesting_do_not_overflow_the_stack() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        check(&deep, Err("not_a_listing"));
        check("[".repeat(10_000), Err("not_a_listing"));
        check(format!(r#"{{"data": {}"#, "[".repeat(10_000)), Err("bad_json"));
        check(format!(r#"{{"data": [{deep}], "more": {deep}}}"#), Ok(1));
    }
}
