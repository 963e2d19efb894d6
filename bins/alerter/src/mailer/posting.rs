//! Builds the mail to post from the outbox's state.

use chrono::{DateTime, TimeDelta, Utc};
use ports::store::{AlertGroup, Covered, Fate, Mail, OutboxState, Posting};

use crate::policy::{MailPlan, Posted, plan};
use crate::text;

/// The mail that is due and what it covers, if there is one.
pub(super) fn posting(
    state: &OutboxState,
    now: DateTime<Utc>,
    settings: &config::Mail,
    no_wait: bool,
) -> Option<Posting> {
    if is_held_up(state, now, settings) {
        return None;
    }
    let posted = Posted::new(&state.mails, now);
    let plan = plan(now, &state.groups, posted, settings, no_wait)?;
    let covers = |group: &&AlertGroup, is_end| Covered {
        fingerprint: group.fingerprint.clone(),
        letters: group.unsent,
        total: group.total,
        is_end,
    };
    let open = plan.groups.iter().map(|group| covers(group, false));
    let ended = plan.resolved.iter().map(|group| covers(group, true));
    Some(Posting { covered: open.chain(ended).collect(), mail: mail(&plan, &state.installation, now) })
}

/// Whether a mail that could not be sent yet holds up the next one. It does so for at most `mail.repeat_after`: one mail
/// that the server defers for ever must not hold up all others.
fn is_held_up(state: &OutboxState, now: DateTime<Utc>, settings: &config::Mail) -> bool {
    let patience = TimeDelta::from_std(settings.repeat_after).unwrap_or(TimeDelta::MAX);
    let waiting = state.mails.iter().filter(|mail| mail.fate == Fate::Waiting && mail.attempts > 0);
    waiting.into_iter().any(|mail| (now - mail.posted_at).abs() < patience)
}

/// The mail for a plan. Its id is derived from what it covers, the time and the installation.
fn mail(plan: &MailPlan<'_>, installation: &str, now: DateTime<Utc>) -> Mail {
    let groups = plan.groups.iter().chain(&plan.resolved);
    let covers: Vec<_> = groups.map(|group| format!("{}:{}", group.fingerprint, group.total)).collect();
    let covers = format!("{} {}", domain::timestamp::to_text(now), covers.join(" "));
    let id = format!("coinpipe-{installation}-{:032x}", crate::fingerprint::fnv1a_128(covers.as_bytes()));
    Mail { id, subject: text::subject(plan), body: text::body(plan), posted_at: now, attempts: 0 }
}
