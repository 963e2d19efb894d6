//! Builds the mail to post from the outbox's state.

use chrono::{DateTime, TimeDelta, Utc};
use ports::store::{AlertGroup, Channel, Covered, Fate, Mail, OutboxState, Posting};

use crate::policy::{MailPlan, Posted, Rules, plan};
use crate::report::{self, Written};
use crate::surroundings::{About, Surroundings};
use crate::transport::Channels;

/// The mail that is due and what it covers, if there is one.
pub(super) fn posting(
    state: &OutboxState,
    now: DateTime<Utc>,
    rules: Rules<'_>,
    around: &Surroundings,
    channels: &Channels,
) -> Option<Posting> {
    let plan = due_plan(state, now, rules)?;
    let covers = |group: &&AlertGroup, is_end| Covered {
        fingerprint: group.fingerprint.clone(),
        letters: group.unsent,
        total: group.total,
        is_end,
    };
    let open = plan.groups.iter().map(|group| covers(group, false));
    let ended = plan.resolved.iter().map(|group| covers(group, true));
    let covered = open.chain(ended).collect();
    let mails = Mails { plan: &plan, around, installation: &state.installation, now };
    Some(channels.posting(&mails.id(), covered, |channel, id| mails.on(channel, id)))
}

/// What is to be looked up of the groups of the mail that is due, if there is one: those of which it tells most first.
pub(super) fn due(state: &OutboxState, now: DateTime<Utc>, rules: Rules<'_>) -> Option<Vec<About>> {
    let plan = due_plan(state, now, rules)?;
    let open = plan.groups.iter().map(|group| About::open(group));
    Some(open.chain(plan.resolved.iter().map(|group| About::ended(group))).collect())
}

fn due_plan<'a>(state: &'a OutboxState, now: DateTime<Utc>, rules: Rules<'_>) -> Option<MailPlan<'a>> {
    if is_held_up(state, now, rules.mail) {
        return None;
    }
    plan(now, state, Posted::new(&state.mails, now), rules)
}

/// Whether a mail that could not be sent yet holds up the next one. It does so for at most `mail.repeat_after`: one mail
/// that the server defers for ever must not hold up all others.
fn is_held_up(state: &OutboxState, now: DateTime<Utc>, settings: &config::Mail) -> bool {
    let patience = TimeDelta::from_std(settings.repeat_after).unwrap_or(TimeDelta::MAX);
    let waiting = state.mails.iter().filter(|mail| mail.fate == Fate::Waiting && mail.attempts > 0);
    waiting.into_iter().any(|mail| (now - mail.posted_at).abs() < patience)
}

/// The mails for a plan.
struct Mails<'a> {
    plan: &'a MailPlan<'a>,
    around: &'a Surroundings,
    installation: &'a str,
    now: DateTime<Utc>,
}

impl Mails<'_> {
    /// Derived from what they cover, the time and the installation.
    fn id(&self) -> String {
        let groups = self.plan.groups.iter().chain(&self.plan.resolved);
        let covers: Vec<_> = groups.map(|group| format!("{}:{}", group.fingerprint, group.total)).collect();
        let covers = format!("{} {}", domain::timestamp::to_text(self.now), covers.join(" "));
        let hash = crate::fingerprint::fnv1a_128(covers.as_bytes());
        format!("coinpipe-{}-{hash:032x}", self.installation)
    }

    fn on(&self, channel: Channel, id: String) -> Mail {
        let Self { plan, around, installation, now } = *self;
        match channel {
            Channel::Mail => {
                let Written { subject, text, html } = report::write(plan, around, now);
                let headers = report::headers(plan, installation, now);
                Mail { html, headers, ..Mail::plain(id, subject, text, now) }
            }
            Channel::Webhook => {
                // A mail server that refuses words has no say here.
                let plan = MailPlan { is_plain: false, ..plan.clone() };
                let written = report::write(&plan, around, now);
                let payload = report::payload(&plan, around, &written, (&id, installation), now);
                Mail { channel, ..Mail::plain(id, written.subject, payload, now) }
            }
        }
    }
}
