//! The envelope of a listing: `{"status": {…}, "data": [coin, …]}`.

use domain::json::each_element;
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::fault::PageFault;
use crate::fields::{Fields, Sent, excerpt};
use crate::scan::Scan;

const UTF8_BOM: &[u8] = "\u{feff}".as_bytes();

/// The text of a page.
pub(crate) fn text(body: &[u8]) -> Result<&str, PageFault> {
    std::str::from_utf8(body.strip_prefix(UTF8_BOM).unwrap_or(body)).map_err(PageFault::NotUtf8)
}

/// Lets `take` take the coins of a page in one pass, when it is as the API sends it. `None` as soon as it is not, or `take`
/// says so; what was taken by then means nothing.
pub(crate) fn each_coin_quickly<'a>(
    text: &'a str,
    mut take: impl FnMut(&mut Scan<'a>) -> Option<()>,
) -> Option<()> {
    let (mut status, mut has_data) = (None, false);
    let mut scan = Scan::new(text);
    scan.object(|scan, _, name| match name {
        "status" if status.is_none() => {
            status = Some(scan.any()?);
            Some(())
        }
        "data" if !has_data => {
            has_data = true;
            scan.array(&mut take)
        }
        _ => None,
    })?;
    scan.end()?;
    check_status(status.filter(|raw| raw.get() != "null")).ok()?;
    has_data.then_some(())
}

/// Gives the coins of a page to `take`, in the order sent, each checked to be JSON and not looked into yet, until
/// it fails.
pub(crate) fn each_coin<'a>(
    text: &'a str,
    take: impl FnMut(&'a RawValue) -> Result<(), PageFault>,
) -> Result<(), PageFault> {
    let data = data(text)?;
    let not_an_array = || PageFault::NotAListing(format!("data is not an array but {}", excerpt(data)));
    each_element(data, take).unwrap_or_else(|| Err(not_an_array()))
}

/// What the answer is about, when it reports success.
pub(crate) fn data(text: &str) -> Result<&RawValue, PageFault> {
    let envelope = Fields::parse(text, &["status", "data"]).map_err(|error| match error.classify() {
        Category::Data => PageFault::NotAListing("it is not an object".to_owned()),
        Category::Io | Category::Syntax | Category::Eof => PageFault::BadJson(error),
    })?;
    check_status(envelope.get("status").value())?;
    let problem = match envelope.get("data") {
        Sent::Missing => "data is missing",
        Sent::Null => "data is null",
        Sent::Value(raw) => return Ok(raw),
    };
    Err(PageFault::NotAListing(problem.to_owned()))
}

/// The API reports success as `0`, `"0"` or null.
fn check_status(status: Option<&RawValue>) -> Result<(), PageFault> {
    let names = ["error_code", "error_message"];
    let Some(status) = status.and_then(|raw| Fields::of(raw, &names)) else {
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

    /// The number of coins, or the code of the fault. Where the quick way opens the page, it has as many.
    fn check(body: impl AsRef<[u8]>, expected: Result<usize, &str>) {
        let body = body.as_ref();
        let mut coins = 0;
        let opened = text(body).and_then(|text| {
            each_coin(text, |_| {
                coins += 1;
                Ok(())
            })
        });
        let found = opened.map(|()| coins).map_err(|fault| fault.code());
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]);
        assert_eq!(found, expected, "{shown}");
        let mut coins = 0;
        let quickly = text(body).ok().and_then(|text| {
            each_coin_quickly(text, |scan| {
                coins += 1;
                scan.any().map(drop)
            })
        });
        if quickly.is_some() {
            assert_eq!(Ok(coins), expected, "{shown}");
        }
    }

    #[test]
    fn a_listing_as_the_api_sends_it_is_opened_in_one_pass() {
        for body in [
            r#"{"status": {"error_code": 0, "notice": null}, "data": [{"id": 1}, {"id": 2}]}"#,
            r#" { "data" : [ ] , "status" : { "error_code" : "0" } } "#,
            r#"{"data": [1]}"#,
        ] {
            assert_eq!(each_coin_quickly(body, |scan| scan.any().map(drop)), Some(()), "{body}");
        }
        for body in [
            r#"{"data": [], "data": []}"#,
            r#"{"status": 1, "status": {}, "data": []}"#,
            r#"{"d\u0061ta": []}"#,
            r#"{"data": [], "status": {"error_code": 1001}}"#,
            r#"{"data": []} 1"#,
            r#"{"data": [1,]}"#,
            r#"{"status": {}}"#,
        ] {
            assert_eq!(each_coin_quickly(body, |scan| scan.any().map(drop)), None, "{body}");
        }
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
