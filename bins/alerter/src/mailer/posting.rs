//! From what there is to the mail to post: what the outbox is asked to plan by.

use chrono::{DateTime, TimeDelta, Utc};
use ports::store::{Covered, Fate, Mail, Posting, Standing};

use crate::policy::{MailPlan, Posted, plan};
use crate::text;

/// The mail that is due and what it covers, if there is one.
pub(super) fn posting(
    standing: &Standing,
    now: DateTime<Utc>,
    settings: &config::Mail,
    no_wait: bool,
) -> Option<Posting> {
    if is_held_up(standing, now, settings) {
        return None;
    }
    let posted = Posted::new(&standing.mails, now);
    let plan = plan(now, &standing.groups, posted, settings, no_wait)?;
    let covered = plan.groups.iter().map(|group| Covered {
        fingerprint: group.fingerprint.clone(),
        letters: group.unsent,
        total: group.total,
    });
    Some(Posting { covered: covered.collect(), mail: mail(&plan, &standing.installation, now) })
}

/// Whether a mail waits that could not be sent. Only for as long as a group stays quiet: a single mail
/// that the server puts off for ever must not silence all others.
fn is_held_up(standing: &Standing, now: DateTime<Utc>, settings: &config::Mail) -> bool {
    let patience = TimeDelta::from_std(settings.repeat_after).unwrap_or(TimeDelta::MAX);
    let waiting = standing.mails.iter().filter(|mail| mail.fate == Fate::Waiting && mail.attempts > 0);
    waiting.into_iter().any(|mail| (now - mail.posted_at).abs() < patience)
}

/// The mail for a plan. Its id follows from what it covers, when, and of which installation.
fn mail(plan: &MailPlan<'_>, installation: &str, now: DateTime<Utc>) -> Mail {
    let covers: Vec<_> =
        plan.groups.iter().map(|group| format!("{}:{}", group.fingerprint, group.total)).collect();
    let covers = format!("{} {}", domain::timestamp::to_text(now), covers.join(" "));
    let id = format!("coinpipe-{installation}-{:032x}", crate::fingerprint::fnv1a_128(covers.as_bytes()));
    Mail { id, subject: text::subject(plan), body: text::body(plan), posted_at: now, attempts: 0 }
}
