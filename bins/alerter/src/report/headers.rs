//! The headers of a mail, for filters and for mail programs that show threads.

use std::collections::BTreeSet;
use std::fmt::Display;

use chrono::{DateTime, NaiveDate, Utc};
use domain::{Headers, StageName};
use ports::store::AlertGroup;

use crate::policy::MailPlan;

/// As many groups are named.
const NAMED: usize = 20;

/// The headers of the mail of `plan`, posted at `now` by `installation`.
///
/// Mails about one group are one thread a day: all of them answer a mail that there never was, whose id is made of the group and of the
/// UTC day, so nobody has to remember what was sent. An end belongs to the day on which the trouble was told last.
pub(crate) fn headers(plan: &MailPlan<'_>, installation: &str, now: DateTime<Utc>) -> Headers {
    let groups: Vec<_> = plan.groups.iter().chain(&plan.resolved).copied().collect();
    let mut headers = common(installation);
    let open = plan.groups.first().map(|group| (group, now));
    let ended = plan.resolved.first().map(|group| (group, group.told_at.unwrap_or(now)));
    if let Some((group, at)) = open.or(ended) {
        let root = root(group, installation, at.date_naive());
        headers.set("In-Reply-To", &root);
        headers.set("References", root);
    }
    let stage = |group: &&AlertGroup| group.stage.map_or("unknown", StageName::as_str);
    for (name, values) in [
        ("X-Coinpipe-Group", list(groups.iter().map(|group| group.fingerprint.as_str()))),
        ("X-Coinpipe-Stage", list(groups.iter().map(stage).collect::<BTreeSet<_>>())),
        ("X-Coinpipe-Class", list(groups.iter().map(|group| group.class.as_str()).collect::<BTreeSet<_>>())),
    ] {
        if !values.is_empty() {
            headers.set(name, values);
        }
    }
    headers
}

/// The headers of all mails.
pub(super) fn common(installation: &str) -> Headers {
    Headers::new()
        // RFC 3834: no robot answers.
        .with("Auto-Submitted", "auto-generated")
        .with("X-Auto-Response-Suppress", "All")
        // RFC 2919, for lists without a domain of their own.
        .with("List-Id", format!("coinpipe alerts <alerts.{installation}.localhost>"))
}

/// What all mails about a group on a day answer.
fn root(group: &AlertGroup, installation: &str, day: NaiveDate) -> String {
    let group = crate::fingerprint::fnv1a_128(group.fingerprint.as_bytes());
    format!("<group-{group:032x}-{day}@{installation}.coinpipe.localhost>")
}

fn list(values: impl IntoIterator<Item = impl Display>) -> String {
    let values: Vec<_> = values.into_iter().take(NAMED).map(|value| value.to_string()).collect();
    values.join(", ")
}
