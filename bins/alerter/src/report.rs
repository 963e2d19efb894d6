//! What a mail says, in the order in which somebody who is woken by it needs it: what is not in the database, the trouble with
//! its newest sample, what to type, and how everything else is. Text and HTML are written from the same blocks.
//!
//! Nothing from a message's body is in it. What comes from outside is made harmless where it is written.

mod block;
mod groups;
mod headers;
mod html;
mod json;
mod missing;
mod opening;
mod others;
mod plain;
mod summary;
pub(crate) mod words;

use chrono::{DateTime, Utc};

use crate::policy::MailPlan;
use crate::surroundings::Surroundings;
use block::{Block, Report};

pub(crate) use headers::headers;
pub(crate) use json::{payload, unfiled};
pub(crate) use summary::{SummedUp, summary_mail};

/// The longest reason that is quoted, in characters.
pub(crate) const REASON_CHARS: usize = 500;

/// The longest line of text or HTML that anything becomes, in characters.
const LINE_CHARS: usize = 900;

/// A mail in all its forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) subject: String,
    pub(crate) text: String,
    /// `None`: the server refused the last mail, and the HTML may be why.
    pub(crate) html: Option<String>,
}

/// Writes the mail of `plan`.
pub(crate) fn write(plan: &MailPlan<'_>, around: &Surroundings, now: DateTime<Utc>) -> Written {
    let report = report(plan, around, now);
    let html = (!plan.is_plain).then(|| html::html(&report));
    Written { text: plain::plain(&report), html, subject: report.subject }
}

fn report(plan: &MailPlan<'_>, around: &Surroundings, now: DateTime<Utc>) -> Report {
    let mut blocks = vec![Block::text(opening::opening(plan, around))];
    if plan.is_plain {
        blocks.push(Block::text(
            "The mail server refused the last mail about this for good. The quoted reasons may be why, so this one leaves the \
             reasons out; `coinpipe status` shows the server's answer.",
        ));
    }
    blocks.extend(missing::blocks(plan, around, now));
    blocks.extend(groups::open(plan, around, now));
    blocks.extend(groups::resolved(plan, around));
    blocks.extend(others::blocks(plan, around, now));
    if let Some(until) = plan.capped_until {
        blocks.push(Block::text(format!(
            "From now on mails are capped: this was the last one that mail.max_per_hour or mail.max_per_day allows for now. \
             What happens until about {} waits for the next one.",
            words::instant(until)
        )));
    }
    Report { subject: opening::subject(plan, around), blocks }
}

#[cfg(test)]
mod tests;
