//! The subject, and the first sentences.

use domain::{Class, one_line};
use ports::store::AlertGroup;

use super::words::{count, counted, instant, lasting};
use crate::policy::MailPlan;
use crate::surroundings::Surroundings;

/// The longest subject, in characters.
pub(super) const SUBJECT_CHARS: usize = 120;

/// The most of an incident's reason that a subject quotes, in characters.
const INCIDENT_CHARS: usize = 70;

/// How an incident begins that is about snapshots which do not come.
const NO_SNAPSHOT: &str = "no snapshot came whole";

/// One line: how much, where, why.
pub(super) fn subject(plan: &MailPlan<'_>, around: &Surroundings) -> String {
    let first = plan.groups.first().map(|group| cause(group)).unwrap_or_default();
    let new = new(plan, around);
    let subject = match plan.groups.len() {
        0 => ends(plan),
        1 if plan.is_plain => format!("1 problem, {new}"),
        groups if plan.is_plain => format!("{groups} problems, {new}"),
        1 => match plan.groups.first().and_then(|group| incident(group, around)) {
            Some(incident) => format!("{incident} ({first})"),
            None => format!("{first}: {new}"),
        },
        groups => format!("{groups} problems, {new}, most of all {first}"),
    };
    let subject = match plan.resolved.len() {
        ended if ended > 0 && !plan.groups.is_empty() => format!("{subject}; {ended} resolved"),
        _ => subject,
    };
    one_line(&format!("[coinpipe] {subject}"), SUBJECT_CHARS)
}

/// How many letters and incidents are new.
fn new(plan: &MailPlan<'_>, around: &Surroundings) -> String {
    let (incidents, letters): (Vec<_>, Vec<_>) =
        plan.groups.iter().partition(|group| group.class == Class::Incident);
    let parts = [(letters, "new dead letter"), (incidents, "new incident")].map(|(groups, noun)| {
        let new: u64 = groups.into_iter().map(|group| new_letters(group, around)).sum();
        (new > 0).then(|| counted(new, noun))
    });
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What happened, if `group` is an incident: what somebody who is woken reads first.
fn incident(group: &AlertGroup, around: &Surroundings) -> Option<String> {
    if group.class != Class::Incident {
        return None;
    }
    let last_whole = around.database.as_ref().and_then(|database| database.last_whole);
    if let Some((slot, _)) = last_whole.filter(|_| group.reason.starts_with(NO_SNAPSHOT)) {
        return Some(format!("{NO_SNAPSHOT} since {}", instant(slot.starts_at())));
    }
    // The first words of the reason, without what it explains.
    let (said, _) = group.reason.split_once(": ").unwrap_or((&group.reason, ""));
    let (said, _) = said.split_once("; ").unwrap_or((said, ""));
    let aside = said.split_once(" (").and_then(|(said, rest)| Some((said, rest.split_once(')')?.1)));
    let said = aside.map_or_else(|| said.to_owned(), |(before, after)| format!("{before}{after}"));
    let said = one_line(said.trim(), INCIDENT_CHARS);
    (!said.is_empty()).then_some(said)
}

/// The first sentences: how many messages, rejects and incidents, and what ended. Only messages are said to be kept: an incident
/// has none.
pub(super) fn opening(plan: &MailPlan<'_>, around: &Surroundings) -> String {
    let unsent = |is_meant: fn(Class) -> bool| -> u64 {
        plan.groups.iter().filter(|group| is_meant(group.class)).map(|group| new_letters(group, around)).sum()
    };
    let messages = match unsent(|class| !matches!(class, Class::Incident | Class::RejectedRows)) {
        0 => None,
        1 => Some("1 message could not be handled; it is kept.".to_owned()),
        messages => Some(format!("{} messages could not be handled; they are kept.", count(messages))),
    };
    let rejects = match unsent(|class| class == Class::RejectedRows) {
        0 => None,
        parts => Some(format!(
            "Coins of {} were rejected and are kept; the others went on.",
            counted(parts, "chunk")
        )),
    };
    let incidents = match unsent(|class| class == Class::Incident) {
        0 => None,
        1 => Some("1 incident needs attention.".to_owned()),
        incidents => Some(format!("{} incidents need attention.", count(incidents))),
    };
    let ended = match plan.resolved.len() {
        0 => None,
        1 => Some("1 problem is resolved.".to_owned()),
        ended => Some(format!("{ended} problems are resolved.")),
    };
    [messages, rejects, incidents, ended].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// How many letters its new deaths are of.
pub(super) fn new_letters(group: &AlertGroup, around: &Surroundings) -> u64 {
    around.letters.get(&group.fingerprint).map_or(group.unsent, |letters| group.unsent.min(*letters))
}

/// Stage, class and code.
pub(super) fn cause(group: &AlertGroup) -> String {
    let stage = group.stage.map_or("unknown stage", domain::StageName::as_str);
    one_line(&format!("{stage}: {}/{}", group.class, group.code), 80)
}

/// The subject of a mail that tells of ends alone.
fn ends(plan: &MailPlan<'_>) -> String {
    match &plan.resolved[..] {
        [one] => {
            let lasted = one.resolved_at.map(|at| format!(" after {}", lasting(at - one.opened_at)));
            let cause = if plan.is_plain { "1 problem".to_owned() } else { cause(one) };
            format!("resolved{}: {cause}", lasted.unwrap_or_default())
        }
        many => format!("resolved: {} problems", many.len()),
    }
}
