//! What is written down of something that an operator does.

use chrono::{DateTime, Utc};
use domain::{one_line, timestamp};
use ports::store::Action;
use serde_json::Value;

/// The longest name of somebody, in characters.
const NAME: usize = 200;

/// The record that `who` does `verb` now to so many letters, those of `filter`.
pub fn action(verb: &str, filter: &Value, matched: u64, who: &str, now: DateTime<Utc>) -> Action {
    Action {
        // The time in it is for people; the random number keeps two apart.
        id: format!("{verb}/{}/{:016x}", timestamp::to_text(now), fastrand::u64(..)),
        who: one_line(who, NAME),
        verb: verb.to_owned(),
        filter: filter.to_string(),
        matched,
    }
}
