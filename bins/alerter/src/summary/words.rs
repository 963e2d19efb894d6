//! What a summary says.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use ports::Mail;

use super::Totals;

/// The mail `id` about how a period was.
pub(super) fn mail(id: String, totals: &Totals, now: DateTime<Utc>) -> Mail {
    let Totals { period, slots, incomplete, filed, credits, open } = totals;
    let mut parts = vec![format!("{} of {} snapshots", slots.fetched, slots.due)];
    for (count, one, many) in
        [(filed.letters, "letter", "letters"), (filed.incidents, "incident", "incidents")]
    {
        match count {
            0 => {}
            1 => parts.push(format!("1 {one}")),
            count => parts.push(format!("{count} {many}")),
        }
    }
    parts.push(format!("{credits} credits"));
    let told = format!("{}: {}", period.words(), parts.join(", "));
    let mut body = format!("{told}.\n");
    if *incomplete > 0 {
        let _ = write!(body, "\n{incomplete} of them lack something; see `coinpipe batches --incomplete`.\n");
    }
    if slots.fetched < slots.due {
        body.push_str("\nSee `coinpipe gaps` for those that are missing.\n");
    }
    let open = match open {
        0 => "Nothing is open.".to_owned(),
        1 => "1 group is open; see `coinpipe alerts`.".to_owned(),
        open => format!("{open} groups are open; see `coinpipe alerts`."),
    };
    let _ = write!(body, "\n{open}\n");
    body.push_str("\n[alert] summary says how often such a mail comes.\n");
    let subject = format!("[coinpipe] {told}");
    Mail { id, subject, body, posted_at: now, attempts: 0 }
}
