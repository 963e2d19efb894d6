//! What is expected of views, looked at in every way.

use serde_json::json;

use crate::driver::Driver;
use crate::served::Served;
use crate::view::{Look, Seen, look};

/// A view, and what is in it.
pub(crate) struct Expected<'a> {
    pub(crate) path: &'a str,
    pub(crate) status: u64,
    pub(crate) heading: &'a str,
    /// Rows of its tables; `None`: any number.
    pub(crate) rows: Option<u64>,
    /// What is to be read in it.
    pub(crate) texts: &'a [&'a str],
}

/// Looks at each in every way, and tells all that is wrong together: one run takes long.
pub(crate) fn check(served: &Served, driver: &Driver<'_>, views: &[Expected<'_>]) {
    let mut wrong = Vec::new();
    for view in views {
        let mut grounds = [None, None];
        for way in Look::all() {
            let seen = look(driver, &served.url(view.path), way);
            let mut complain = |what: String| wrong.push(format!("{} ({way}): {what}", view.path));
            seen.complaints.iter().cloned().for_each(&mut complain);
            if seen.status() != view.status || seen.heading() != view.heading {
                complain(format!("{} {:?}", seen.status(), seen.heading()));
            }
            if view.rows.is_some_and(|rows| rows != seen.rows()) {
                complain(format!("{} rows", seen.rows()));
            }
            for text in view.texts.iter().filter(|text| !seen.text().contains(**text)) {
                complain(format!("nowhere it says {text:?}, but:\n{}", beginning(&seen)));
            }
            grounds[usize::from(way.is_dark)] = Some(seen.scheme().to_owned());
        }
        if grounds[0] == grounds[1] {
            wrong.push(format!("{}: dark is like light: {:?}", view.path, grounds[0]));
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.join("\n"));
}

fn beginning(seen: &Seen) -> String {
    seen.text().chars().take(600).collect()
}

/// Waits until `script` returns true, also while one page takes the place of another.
#[track_caller]
pub(crate) fn until(driver: &Driver<'_>, script: &str) {
    let shown =
        || driver.try_evaluate("return location.href + ' ' + document.body.innerText").unwrap_or_default();
    lab::wait_until_or_tell(
        || driver.try_evaluate(script).is_ok_and(|found| found == json!(true)),
        || format!("{script}, but:\n{}", shown()),
    );
}
