//! The mail about how a week or a day was.

use chrono::{DateTime, Utc};
use domain::one_line;
use ports::store::{Channel, Mail};
use serde_json::json;

use super::block::{Block, Report};
use super::json::message;
use super::opening::SUBJECT_CHARS;
use super::words::{count, counted};
use super::{Written, headers, html, plain};

/// How a period was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SummedUp {
    /// Which, in words.
    pub(crate) period: String,
    /// Snapshots that were due; `None` when no schedule is known.
    pub(crate) due: Option<u64>,
    /// Those of them that are there; or else all that are.
    pub(crate) fetched: u64,
    /// Of those that are there, so many lack something.
    pub(crate) incomplete: u64,
    /// Letters and incidents that were filed.
    pub(crate) letters: u64,
    pub(crate) incidents: u64,
    /// Credits that were paid.
    pub(crate) credits: u64,
    /// Those that the plan has a month, if that is known.
    pub(crate) plan: Option<u64>,
    /// Groups that are open now.
    pub(crate) open: u64,
}

/// What stands where nothing is held against a schedule.
const NOBODY_KNOWS: &str = "Whether snapshots are missing nobody can tell: no schedule is known, which the fetcher that leads announces.";

/// `41 %`; what is less than one and not nothing is `<1 %`.
fn share(part: u64, whole: u64) -> String {
    match u128::from(part) * 100 / u128::from(whole.max(1)) {
        0 if part > 0 => "<1 %".to_owned(),
        percent => format!("{percent} %"),
    }
}

/// Writes the mail about `summed`.
pub(super) fn summary(summed: &SummedUp) -> Written {
    let report = report(summed);
    Written { text: plain::plain(&report), html: Some(html::html(&report)), subject: report.subject }
}

/// The message about `summed` for `channel`.
pub(crate) fn summary_mail(
    summed: &SummedUp,
    channel: Channel,
    id: String,
    installation: &str,
    now: DateTime<Utc>,
) -> Mail {
    let Written { subject, text, html } = summary(summed);
    match channel {
        Channel::Mail => {
            let headers = headers::common(installation);
            Mail { html, headers, ..Mail::plain(id, subject, text, now) }
        }
        Channel::Webhook => {
            let data = json!({
                "period": summed.period,
                "snapshots_due": summed.due,
                "snapshots_fetched": summed.fetched,
                "snapshots_in_part": summed.incomplete,
                "letters": summed.letters,
                "incidents": summed.incidents,
                "credits": summed.credits,
                "plan_credits": summed.plan,
                "open_groups": summed.open,
            });
            let payload = message("summary", (&id, Some(installation)), now, (&subject, &text), &data);
            Mail { channel, ..Mail::plain(id, subject, payload, now) }
        }
    }
}

fn report(summed: &SummedUp) -> Report {
    let SummedUp { period, due, fetched, incomplete, letters, incidents, credits, plan, open } = summed;
    let mut parts = vec![match due {
        Some(due) => format!("{fetched} of {due} snapshots"),
        None => counted(*fetched, "snapshot"),
    }];
    parts.extend((*letters > 0).then(|| counted(*letters, "letter")));
    parts.extend((*incidents > 0).then(|| counted(*incidents, "incident")));
    let share = plan.filter(|plan| *plan > 0).map(|plan| share(*credits, plan));
    parts.push(match &share {
        Some(share) => format!("{share} of the credits"),
        None => format!("{credits} credits"),
    });
    let told = format!("{period}: {}", parts.join(", "));
    let missing = due.map(|due| due.saturating_sub(*fetched));
    let opening = match missing {
        _ if *incomplete > 0 || *open > 0 || missing.is_some_and(|missing| missing > 0) => {
            format!("Something wants a look: {told}.")
        }
        Some(_) => format!("All is well: {told}."),
        None => format!("{NOBODY_KNOWS} What is known: {told}."),
    };
    let missing_told = match missing {
        None => "nobody knows".to_owned(),
        Some(0) => "none".to_owned(),
        Some(missing) => count(missing),
    };
    let missing = missing.unwrap_or_default();
    let mut blocks = vec![
        Block::text(opening),
        Block::heading("In the database"),
        Block::Facts(vec![
            (
                "Snapshots",
                due.map_or_else(|| count(*fetched), |due| format!("{} of {}", count(*fetched), count(due))),
            ),
            ("Missing", missing_told),
            (
                "In part",
                if *incomplete == 0 {
                    "none".to_owned()
                } else {
                    format!("{} of them lack something", count(*incomplete))
                },
            ),
        ]),
        Block::heading("Everything else"),
        Block::Facts(vec![
            ("Letters", count(*letters)),
            ("Incidents", count(*incidents)),
            (
                "Credits",
                match (plan, &share) {
                    (Some(plan), Some(share)) => {
                        format!(
                            "{}, {share} of the {} that the plan has a month",
                            count(*credits),
                            count(*plan)
                        )
                    }
                    _ => count(*credits),
                },
            ),
            (
                "Trouble",
                match open {
                    0 => "none is open".to_owned(),
                    1 => "1 group is open".to_owned(),
                    open => format!("{} groups are open", count(*open)),
                },
            ),
        ]),
    ];
    let looks = [
        (missing > 0, "To see what is missing", "coinpipe gaps"),
        (*incomplete > 0, "To see what lacks something", "coinpipe batches --incomplete"),
        (*open > 0, "To see what is open", "coinpipe alerts"),
    ];
    let looks: Vec<_> = looks.into_iter().filter(|(is_due, ..)| *is_due).collect();
    if !looks.is_empty() {
        blocks.push(Block::heading("What to type"));
    }
    blocks.extend(looks.into_iter().map(|(_, does, line)| Block::Command { does, line: line.to_owned() }));
    blocks.push(Block::text("[alert] summary says how often such a mail comes."));
    Report { subject: one_line(&format!("[coinpipe] {told}"), SUBJECT_CHARS), blocks }
}
