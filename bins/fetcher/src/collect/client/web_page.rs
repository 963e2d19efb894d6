//! Web pages where an answer of the API should be: firewalls, proxies and maintenance send them. Their title says who refuses,
//! and Cloudflare's ray id is what its support asks for.

use std::fmt;

use reqwest::header::HeaderMap;

/// The longest title that is shown.
const TITLE_CHARS: usize = 120;
const RAY_CHARS: usize = 40;

/// What is worth saying about a web page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebPage {
    /// Its title, on one line; empty when it has none.
    pub title: String,
    /// Cloudflare's id of the request.
    pub ray: Option<String>,
}

impl WebPage {
    /// What `text` and the headers it came with say; `None` when it is no web page.
    pub(super) fn read(text: &str, headers: &HeaderMap) -> Option<Self> {
        if !is_markup(text) {
            return None;
        }
        let ray = headers.get("cf-ray").and_then(|value| value.to_str().ok()).and_then(ray_in);
        Some(Self { title: title_of(text), ray: ray.or_else(|| ray_of(text)) })
    }
}

impl fmt::Display for WebPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.title.as_str() {
            "" => f.write_str("it has no title")?,
            title => write!(f, "{title:?}")?,
        }
        self.ray.as_ref().map_or(Ok(()), |ray| write!(f, ", ray id {ray}"))
    }
}

/// Whether `text` begins as web pages do.
pub(super) fn is_markup(text: &str) -> bool {
    text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').starts_with('<')
}

fn title_of(text: &str) -> String {
    // Same length, so that places in one are places in the other.
    let lower = text.to_ascii_lowercase();
    let within = |text: &str| -> Option<(usize, usize)> {
        let tag = text.find("<title")?;
        let begin = tag + text[tag..].find('>')? + 1;
        Some((begin, begin + text[begin..].find("</title")?))
    };
    let title = within(&lower).map(|(begin, end)| &text[begin..end]).unwrap_or_default();
    let words: Vec<_> = title.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    unescaped(&line).chars().take(TITLE_CHARS).collect()
}

/// The characters that titles escape.
fn unescaped(text: &str) -> String {
    let pairs =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&amp;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

/// The id after `Ray ID:`, whatever tags are in between.
fn ray_of(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let mut rest = &text[lower.find("ray id")? + "ray id".len()..];
    rest = rest.trim_start_matches(|c: char| c == ':' || c.is_whitespace());
    while rest.starts_with('<') {
        rest = rest[rest.find('>')? + 1..].trim_start();
    }
    ray_in(rest)
}

fn ray_in(text: &str) -> Option<String> {
    let id: String =
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').take(RAY_CHARS).collect();
    let is_one = id.len() >= 8 && id.bytes().any(|byte| byte.is_ascii_digit());
    is_one.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, ray_header: Option<&'static str>, expected: Option<&str>) {
        let headers = ray_header.map(|ray| ("cf-ray".parse().unwrap(), ray.parse().unwrap()));
        let page = WebPage::read(text, &headers.into_iter().collect());
        assert_eq!(page.map(|page| page.to_string()).as_deref(), expected, "{text}");
    }

    #[test]
    fn title_and_ray_id_are_found_in_whatever_way_they_are_written() {
        check(
            "<!DOCTYPE html>\n<html><head><title>Access denied |\n  example.com</title></head>Ray ID: 5f00aa11bb22cc33 &bull;",
            None,
            Some("\"Access denied | example.com\", ray id 5f00aa11bb22cc33"),
        );
        check(
            "\u{feff} <HTML><TITLE lang=en>Just a moment&#39;s</TITLE>RAY ID: <strong class=\"x\"><b>88f0aa11bb22cc33</b>",
            None,
            Some("\"Just a moment's\", ray id 88f0aa11bb22cc33"),
        );
        // The header has the place, too.
        check(
            "<p>Ray ID: 5f00aa11bb22cc33",
            Some("5f00aa11bb22cc33-FRA"),
            Some("it has no title, ray id 5f00aa11bb22cc33-FRA"),
        );
        check("<html>", None, Some("it has no title"));
        check("<title>never closed", None, Some("it has no title"));
        check("<html>Ray ID: <strong", None, Some("it has no title"));
        check("<html>ray id: unknown thing", None, Some("it has no title"));
    }

    #[test]
    fn what_is_no_markup_is_no_page() {
        check("", None, None);
        check("error code: 1015", Some("5f00aa11bb22cc33"), None);
        check("{\"title\":\"<title>\"}", None, None);
    }

    #[test]
    fn a_page_that_is_all_title_is_cut() {
        let page = WebPage::read(&format!("<title>{}</title>", "é\u{1b} ".repeat(50_000)), &HeaderMap::new());
        assert_eq!(page.unwrap().title.chars().count(), TITLE_CHARS);
    }
}
