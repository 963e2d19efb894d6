//! A mail as JSON, for the webhook. docs/webhook.md says what each field means.

use chrono::{DateTime, Utc};
use domain::{StageName, one_line, timestamp};
use ports::store::{AlertGroup, Channel, Mail};
use serde_json::{Value, json};

use super::opening::new_letters;
use super::{REASON_CHARS, Written, missing};
use crate::policy::MailPlan;
use crate::surroundings::{Database, SHORT_REASON_CHARS, Sample, Surroundings};

/// The version of what is written here. A field that is added keeps it; one that changes its meaning, or goes, raises it.
const VERSION: u32 = 1;

/// As many groups and as much of what is missing are told.
const LISTED: usize = 50;

/// The message `id` of `plan`.
pub(crate) fn payload(
    plan: &MailPlan<'_>,
    around: &Surroundings,
    written: &Written,
    (id, installation): (&str, &str),
    now: DateTime<Utc>,
) -> String {
    let kind = if plan.groups.is_empty() && !plan.resolved.is_empty() { "resolved" } else { "trouble" };
    let groups: Vec<_> = plan.groups.iter().take(LISTED).map(|one| group(one, around)).collect();
    let resolved: Vec<_> = plan.resolved.iter().take(LISTED).map(|one| group(one, around)).collect();
    let data = json!({
        "groups": groups,
        "groups_left_out": plan.groups.len().saturating_sub(LISTED),
        "resolved": resolved,
        "resolved_left_out": plan.resolved.len().saturating_sub(LISTED),
        "capped_until": instant(plan.capped_until),
        "database": around.database.as_ref().map(|found| database(found, now)),
        "freshness": around.freshness.as_ref().map(|freshness| json!({
            "newest_quote_at": instant(freshness.newest_quote_at),
            "newest_fetch_at": instant(freshness.newest_fetch_at),
        })),
        "queues": around.queues.iter()
            .map(|(name, depth)| (name.to_string(), Value::from(depth.total())))
            .collect::<serde_json::Map<_, _>>(),
        "open_groups": around.open_groups,
    });
    message(kind, (id, Some(installation)), now, (&written.subject, &written.text), &data)
}

/// What all messages have, around the `data` of this kind.
pub(super) fn message(
    kind: &str,
    (id, installation): (&str, Option<&str>),
    now: DateTime<Utc>,
    (title, text): (&str, &str),
    data: &Value,
) -> String {
    let message = json!({
        "type": format!("coinpipe.{kind}"),
        "version": VERSION,
        "timestamp": timestamp::to_text(now),
        "id": id,
        "installation": installation,
        "title": title,
        "text": text,
        "data": data,
    });
    message.to_string()
}

/// The message of a kind that says the same as `mail`, which tells of no group.
pub(crate) fn unfiled(kind: &str, mail: &Mail) -> Mail {
    let id = format!("{}-{}", mail.id, Channel::Webhook);
    let said = (mail.subject.as_str(), mail.body.as_str());
    let payload = message(kind, (&id, None), mail.posted_at, said, &json!({}));
    Mail { channel: Channel::Webhook, ..Mail::plain(id, &mail.subject, payload, mail.posted_at) }
}

fn group(group: &AlertGroup, around: &Surroundings) -> Value {
    let lasted = group.resolved_at.map(|at| (at - group.opened_at).num_seconds().max(0));
    let samples = around.samples.get(&group.fingerprint);
    json!({
        "group": group.fingerprint,
        "state": group.state.as_str(),
        "stage": group.stage.map(StageName::as_str),
        "class": group.class.as_str(),
        "code": one_line(&group.code, 80),
        "reason": one_line(&group.reason, REASON_CHARS),
        "new": group.unsent,
        "new_letters": new_letters(group, around),
        "total": group.total,
        "first_seen_at": instant(Some(group.first_seen_at)),
        "last_seen_at": instant(Some(group.last_seen_at)),
        "opened_at": instant(Some(group.opened_at)),
        "resolved_at": instant(group.resolved_at),
        "resolution": group.resolution.as_ref().map(|how| one_line(how, REASON_CHARS)),
        "lasted_seconds": lasted,
        "times_in_a_row": group.flaps,
        "newest": samples.map(|samples| sample(&samples.newest, REASON_CHARS)),
        "earlier": samples.map_or(&[][..], |samples| &samples.earlier).iter()
            .map(|earlier| sample(earlier, SHORT_REASON_CHARS))
            .collect::<Vec<_>>(),
    })
}

fn sample(sample: &Sample, most: usize) -> Value {
    json!({
        "letter": sample.letter.as_str(),
        "batch": sample.batch,
        "filed_at": instant(Some(sample.filed_at)),
        "reason": one_line(&sample.reason, most),
    })
}

fn database(database: &Database, now: DateTime<Utc>) -> Value {
    let missing: Vec<_> = database.holes.iter().take(LISTED).map(|hole| missing::told(hole, now)).collect();
    json!({
        "since": instant(Some(database.since)),
        "snapshots_due": database.due,
        "snapshots_fetched": database.fetched,
        "missing": missing,
        "missing_left_out": database.holes.len().saturating_sub(LISTED),
        "last_whole_slot": instant(database.last_whole.map(|(slot, _)| slot.starts_at())),
        "last_whole_coins": database.last_whole.map(|(_, coins)| coins),
        "credits": database.credits,
    })
}

fn instant(at: Option<DateTime<Utc>>) -> Option<String> {
    at.map(timestamp::to_text)
}
