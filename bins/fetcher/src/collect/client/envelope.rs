//! The envelope around every answer: `{"status": {…}, "data": …}`.
//!
//! Only as much is parsed as says whether the answer is whole; the coins are skipped over, and counted in the same pass.
//! `error_code` has been seen as a number, as a numeric string and as null, and the order of the keys varies.

use config::Secret;
use domain::is_deceptive;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::error::BodyFault;
use super::web_page;

/// How much of a body an error shows.
pub(super) const SAMPLE_CHARS: usize = 200;
/// How much of it is looked at: so much that the key, each time replaced by something shorter, cannot come within reach
/// where it is cut.
pub(super) const SAMPLED_BYTES: usize = 64 << 10;

/// A shorter key may be part of other words.
const LEAST_KEY: usize = 8;

/// An opened envelope. `error_code` 0 is success.
pub(super) struct Answer<D> {
    pub(super) error_code: u32,
    pub(super) message: String,
    pub(super) credits: u32,
    pub(super) total_count: Option<u32>,
    pub(super) data: D,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a, D: Deserialize<'de>"))]
struct Envelope<'a, D> {
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
    #[serde(default = "nothing")]
    data: Option<D>,
}

fn nothing<D>() -> Option<D> {
    None
}

/// The elements of an array. `IgnoredAny` has no size, so they take no memory.
type Elements = Vec<IgnoredAny>;

/// Raw, because a value of any shape may stand there, and each of its bytes become forty.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Status<'a> {
    #[serde(borrow)]
    error_code: Option<&'a RawValue>,
    #[serde(borrow)]
    error_message: Option<&'a RawValue>,
    #[serde(borrow)]
    credit_count: Option<&'a RawValue>,
    #[serde(borrow)]
    total_count: Option<&'a RawValue>,
}

/// Opens the envelope of a listing; fails when it is not whole. Its data: how many coins there are, or why that makes no
/// sense.
///
/// A page that is as it should be is passed over once, while a list is counted: counting it in a second pass took 3.5 of
/// the 35 ms of CPU that the fetcher needs for a page of 5,000 coins. Whatever else it is, the careful way says what.
pub(super) fn open_listing(body: &[u8]) -> Result<Answer<Result<u32, BodyFault>>, BodyFault> {
    if let Ok(Answer { data: Some(elements), error_code, message, credits, total_count }) =
        open::<Elements>(body)
    {
        return Ok(Answer { data: Ok(count(&elements)), error_code, message, credits, total_count });
    }
    let Answer { data, error_code, message, credits, total_count } = open::<&RawValue>(body)?;
    Ok(Answer { data: count_rows(data), error_code, message, credits, total_count })
}

/// Opens the envelope; fails when it is not whole, or when its data is no `D`.
pub(super) fn open<'a, D: Deserialize<'a>>(body: &'a [u8]) -> Result<Answer<Option<D>>, BodyFault> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(BodyFault::Empty);
    }
    if body.starts_with(b"\xef\xbb\xbf") {
        return Err(BodyFault::ByteOrderMark);
    }
    let text = std::str::from_utf8(body).map_err(|error| {
        // Cut in the middle of a character.
        if error.error_len().is_none() { BodyFault::Truncated } else { BodyFault::NotUtf8 }
    })?;
    if web_page::is_markup(text) {
        return Err(BodyFault::Html);
    }
    let envelope: Envelope<'_, D> = serde_json::from_str(text).map_err(|error| {
        if error.is_eof() {
            BodyFault::Truncated
        } else if error.is_data() {
            BodyFault::BadEnvelope
        } else {
            BodyFault::NotJson
        }
    })?;
    if !is_object(text) {
        return Err(BodyFault::BadEnvelope);
    }
    let status = envelope.status.ok_or(BodyFault::NoStatus)?;
    if !is_object(status.get()) {
        return Err(BodyFault::BadStatus);
    }
    let status: Status<'_> = serde_json::from_str(status.get()).map_err(|_| BodyFault::BadStatus)?;
    Ok(Answer {
        // Null or absent.
        error_code: status.error_code.map_or(Some(0), number).ok_or(BodyFault::BadStatus)?,
        message: status.error_message.and_then(to_text).unwrap_or_default(),
        credits: status.credit_count.and_then(how_many).unwrap_or(0),
        total_count: status.total_count.and_then(how_many),
        data: envelope.data,
    })
}

/// How many elements the array `data` has.
pub(super) fn count_rows(data: Option<&RawValue>) -> Result<u32, BodyFault> {
    let data = data.ok_or(BodyFault::NoData)?;
    let rows: Elements = serde_json::from_str(data.get()).map_err(|_| BodyFault::DataNotArray)?;
    Ok(count(&rows))
}

fn count(elements: &Elements) -> u32 {
    u32::try_from(elements.len()).unwrap_or(u32::MAX)
}

/// The first characters of `text` on one line, without the key. No more of it is looked at than can be shown, however
/// often the key is in it.
pub(super) fn sample(text: &str, key: &Secret) -> String {
    let clean = without_key(text, key);
    clean.chars().take(SAMPLE_CHARS).map(|c| if is_deceptive(c) { ' ' } else { c }).collect()
}

/// The beginning of `text`, without the key.
pub(super) fn without_key(text: &str, key: &Secret) -> String {
    let text = &text[..text.floor_char_boundary(SAMPLED_BYTES)];
    let key = key.expose();
    match key.len() {
        0 => text.to_owned(),
        1..LEAST_KEY => without_word(text, key),
        _ => text.replace(key, "***"),
    }
}

/// `text` without `word` where it stands alone: hidden within other words, too, a key of one letter would make the text unreadable and
/// be told by it.
fn without_word(text: &str, word: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut rest = 0;
    for (at, _) in text.match_indices(word) {
        let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
        if ![before, after].into_iter().flatten().any(char::is_alphanumeric) {
            hidden.push_str(&text[rest..at]);
            hidden.push_str("***");
            rest = at + word.len();
        }
    }
    hidden.push_str(&text[rest..]);
    hidden
}

/// A struct would also be read from an array of its fields.
fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{')
}

/// A whole number, or a text that is one.
fn number(raw: &RawValue) -> Option<u32> {
    let number: Option<u64> = serde_json::from_str(raw.get()).ok();
    let number = number.or_else(|| to_text(raw)?.trim().parse().ok())?;
    Some(u32::try_from(number).unwrap_or(u32::MAX))
}

/// How many: a whole number, or a text that is one. More than can be counted is as many as can be.
fn how_many(raw: &RawValue) -> Option<u32> {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_huge = serde_json::from_str(raw.get()).is_ok_and(|number: f64| number > f64::from(u32::MAX))
        || to_text(raw).is_some_and(|text| is_digits(text.trim()));
    number(raw).or(is_huge.then_some(u32::MAX))
}

fn to_text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_is_told_from_failure_in_every_spelling() {
        let check = |code: &str, expected: Option<u32>| {
            let body = format!(r#"{{"data":[],"status":{{"error_code":{code}}}}}"#);
            let opened = open_listing(body.as_bytes()).ok();
            assert_eq!(opened.map(|answer| answer.error_code), expected, "{code}");
        };
        check("0", Some(0));
        check(r#""0""#, Some(0));
        check("null", Some(0));
        check("1008", Some(1008));
        check(r#""1008""#, Some(1008));
        check(r#""no""#, None);
        check("-1", None);
        check("[]", None);
    }

    #[test]
    fn each_way_of_not_being_a_page_has_its_name() {
        let check = |body: &[u8], expected: BodyFault| {
            let fault = open_listing(body).and_then(|answer| answer.data).unwrap_err();
            assert_eq!(fault, expected, "{}", String::from_utf8_lossy(body));
        };
        check(b"", BodyFault::Empty);
        check(b" \r\n", BodyFault::Empty);
        check(b"\xef\xbb\xbf{}", BodyFault::ByteOrderMark);
        check(b"{\"data\":[\"\xff\"]}", BodyFault::NotUtf8);
        check(b"{\"data\":[\"\xe2\x82", BodyFault::Truncated);
        check(b"<!DOCTYPE html><p>maintenance", BodyFault::Html);
        check(b"{\"status\":{\"error_code\":0},\"data\":[{\"id\":1},", BodyFault::Truncated);
        check(b"busy, try later", BodyFault::NotJson);
        check(b"{\"status\":{},\"data\":[]} and more", BodyFault::NotJson);
        check(b"[1,2]", BodyFault::BadEnvelope);
        check(b"{\"data\":[]}", BodyFault::NoStatus);
        check(b"{\"status\":[],\"data\":[]}", BodyFault::BadStatus);
        check(b"{\"status\":\"ok\",\"data\":[]}", BodyFault::BadStatus);
        check(b"{\"status\":{}}", BodyFault::NoData);
        check(b"{\"status\":{},\"data\":null}", BodyFault::NoData);
        check(b"{\"status\":{},\"data\":{\"1\":{}}}", BodyFault::DataNotArray);
    }

    #[test]
    fn coins_are_counted_however_deep_they_nest() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let body = format!(r#"{{"status":{{}},"data":[{deep},1,{{"id":1}}]}}"#);
        assert_eq!(open_listing(body.as_bytes()).unwrap().data, Ok(3));
    }

    /// Whether it is counted on the way or afterwards, it is the same answer.
    #[test]
    fn one_pass_says_what_the_careful_way_says() {
        for data in [
            "[]",
            "[1,[2,3],{}]",
            "{}",
            "null",
            "1e999",
            "\"\\ud800\"",
            "[\"\\ud800\",1e999]",
            "[1",
            "[1,]",
            "[1]}",
        ] {
            for status in ["{}", "{\"error_code\":1008,\"credit_count\":2}", "[]", "null"] {
                let body = format!(r#"{{"data":{data},"status":{status}}}"#);
                let one = open_listing(body.as_bytes());
                let careful = open::<&RawValue>(body.as_bytes());
                let said = one.as_ref().map(|answer| (answer.error_code, answer.credits, answer.data));
                let expected = careful
                    .as_ref()
                    .map(|answer| (answer.error_code, answer.credits, count_rows(answer.data)));
                assert_eq!(said, expected, "{body}");
            }
        }
    }

    #[test]
    fn a_sample_is_short_and_on_one_line_and_without_the_key() {
        let key = Secret::new("b54bcf4d");
        let text = format!("no such key:\r\nb54bcf4d{}", "é".repeat(500));
        let sample = sample(&text, &key);
        assert!(sample.starts_with("no such key:  ***éé"), "{sample}");
        assert_eq!(sample.chars().count(), SAMPLE_CHARS);
    }

    #[test]
    fn a_short_key_is_hidden_where_it_stands_alone_and_the_text_stays_readable() {
        let check = |text: &str, key: &str, shown: &str| assert_eq!(sample(text, &Secret::new(key)), shown);
        check("This API Key is invalid: e (e)", "e", "This API Key is invalid: *** (***)");
        check("key=k3y,k3ys 1k3y k3y", "k3y", "key=***,k3ys 1k3y ***");
        check("a a a", "a a", "*** a");
        check("é é", "é", "*** ***");
    }

    /// An API that repeats the key all over its answer must not have the beginning of one shown where it was cut.
    #[test]
    fn no_part_of_the_key_is_in_a_sample_however_often_it_is_in_the_text() {
        let key = Secret::new("b54bcf4d-1b1b-4b1b-9b1b-1b1b1b1b1b1b");
        let sample = sample(&key.expose().repeat(4000), &key);
        assert!(sample.chars().all(|c| c == '*'), "{sample}");
    }

    #[test]
    fn a_status_may_hold_anything_and_is_not_looked_into() {
        let zeros = format!("[{}0]", "0,".repeat(1000));
        for odd in [zeros.as_str(), "{}", "1.5", "true", "\"\\ud800\""] {
            let body = format!(
                r#"{{"status":{{"error_code":0,"error_message":{odd},"credit_count":{odd},"timestamp":{odd}}},"data":[]}}"#
            );
            let answer = open_listing(body.as_bytes()).unwrap();
            assert_eq!((answer.error_code, answer.credits, answer.message.as_str()), (0, 0, ""), "{odd}");
            let body = format!(r#"{{"status":{{"error_code":{odd}}},"data":[]}}"#);
            assert_eq!(open_listing(body.as_bytes()).err(), Some(BodyFault::BadStatus), "{odd}");
        }
    }
}
