//! What the mails about a store that is away say.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Headers, one_line, timestamp};
use ports::store::Mail;

use super::{AGAIN_AFTER, Outage};
use crate::fingerprint::fnv1a_128;
use crate::report::REASON_CHARS;

/// The mail about `outage` of the store at `place`, as it stands at `now`.
pub(super) fn mail(outage: &Outage, place: &str, now: DateTime<Utc>) -> Mail {
    let (what, subject, body) = match outage.ended_at {
        Some(ended_at) => back(outage, place, ended_at),
        None => away(outage, place),
    };
    let hour = outage.since.format("%Y-%m-%dT%H");
    let id = fnv1a_128(format!("store {place} {hour} {what}").as_bytes());
    let headers = Headers::new().with("Auto-Submitted", "auto-generated");
    Mail { headers, ..Mail::plain(format!("coinpipe-store-{id:032x}"), subject, body, now) }
}

fn away(outage: &Outage, place: &str) -> (String, String, String) {
    let since = timestamp::to_text(outage.since);
    let body = format!(
        "The database at {place} has taken nothing since {since}:\n\n  {}\n\nNot in the tables: every snapshot since then. Nothing is \
         lost: they wait in the queues, and when those are full, with the fetcher. Trouble that is found meanwhile waits, too, and is \
         mailed afterwards.\n\nTo look: `coinpipe check`, and the database's own log.\n\nThis is said again every {} until it is \
         back, and once when it is.\n",
        one_line(&outage.reason, REASON_CHARS),
        humantime::format_duration(AGAIN_AFTER.to_std().unwrap_or_default()),
    );
    let subject = format!("[coinpipe] The database cannot be reached since {since}");
    (format!("away {}", outage.told + 1), subject, body)
}

fn back(outage: &Outage, place: &str, ended_at: DateTime<Utc>) -> (String, String, String) {
    let lasted = (ended_at - outage.since).to_std().unwrap_or_default();
    let lasted = humantime::format_duration(Duration::from_secs(lasted.as_secs()));
    let body = format!(
        "The database at {place} was away from {} to {} and takes rows again.\n\nWhat waited in the queues is being loaded now. \
         `coinpipe status` shows how far it is.\n",
        timestamp::to_text(outage.since),
        timestamp::to_text(ended_at),
    );
    ("back".to_owned(), format!("[coinpipe] Resolved: the database is back after {lasted}"), body)
}
