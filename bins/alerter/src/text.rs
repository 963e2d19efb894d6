//! What a mail says: plain text, nothing from a message's body, no control characters from outside.

use std::fmt::Write;

use domain::{Class, one_line, timestamp};
use ports::store::AlertGroup;

use crate::policy::MailPlan;

/// The longest subject, in characters.
const SUBJECT_CHARS: usize = 120;

/// How many groups a mail lists; nobody would read a mail with hundreds.
const GROUPS_LISTED: usize = 20;

/// The longest reason that is quoted, in characters.
pub(crate) const REASON_CHARS: usize = 500;

/// One line: what and how much.
pub(crate) fn subject(plan: &MailPlan<'_>) -> String {
    let letters: u64 = plan.groups.iter().map(|group| group.unsent).sum();
    let first = plan.groups.first().map(|group| cause(group)).unwrap_or_default();
    let new =
        if letters == 1 { "1 new dead letter".to_owned() } else { format!("{letters} new dead letters") };
    let subject = match plan.groups.len() {
        0 => format!("[coinpipe] {}", resolved(plan)),
        1 if plan.is_plain => format!("[coinpipe] 1 problem, {new}"),
        groups if plan.is_plain => format!("[coinpipe] {groups} problems, {new}"),
        1 => format!("[coinpipe] {first}: {new}"),
        groups => format!("[coinpipe] {groups} problems, {new}, most of all {first}"),
    };
    one_line(&subject, SUBJECT_CHARS)
}

/// What happened, group by group, and what to do.
pub(crate) fn body(plan: &MailPlan<'_>) -> String {
    let mut text = format!("{}\n", opening(plan));
    for group in plan.resolved.iter().take(GROUPS_LISTED) {
        let cause = if plan.is_plain { group.class.to_string() } else { cause(group) };
        let _ = write!(text, "\n* resolved: {cause}\n  {}\n  group {}\n", ending(group), group.fingerprint);
    }
    if plan.is_plain {
        text.push_str(
            "\nThe mail server refused the last mail about this for good. The quoted reasons may be why, so this one \
             leaves the reasons out; `coinpipe status` shows the server's answer.\n",
        );
    }
    for group in plan.groups.iter().take(GROUPS_LISTED) {
        let (cause, reason) = if plan.is_plain {
            (group.class.to_string(), String::new())
        } else {
            (cause(group), format!("  {}\n", one_line(&group.reason, REASON_CHARS)))
        };
        let _ = write!(
            text,
            "\n* {cause}\n  {} new, {} in all, from {} to {}\n{reason}  group {}\n",
            group.unsent,
            group.total,
            timestamp::to_text(group.first_seen_at),
            timestamp::to_text(group.last_seen_at),
            group.fingerprint,
        );
    }
    let more = plan.groups.len().saturating_sub(GROUPS_LISTED);
    if more > 0 {
        let letters: u64 = plan.groups.iter().skip(GROUPS_LISTED).map(|group| group.unsent).sum();
        let _ = write!(text, "\n* and {more} more groups with {letters} new letters\n");
    }
    text.push_str(
        "\nSee `coinpipe dead groups`, `coinpipe dead list --group GROUP` and `coinpipe status`.\n",
    );
    if let Some(until) = plan.capped_until {
        let _ = write!(
            text,
            "\nThis was the last mail that the caps (mail.max_per_hour, mail.max_per_day) allow for now: \
             mails are capped, and what happens until about {} waits for the next one.\n",
            timestamp::to_text(until)
        );
    }
    text
}

/// The first sentences: how many messages and how many incidents. Only messages are said to be kept: an incident has
/// none.
fn opening(plan: &MailPlan<'_>) -> String {
    let unsent = |is_incident: bool| -> u64 {
        let groups = plan.groups.iter().filter(|group| (group.class == Class::Incident) == is_incident);
        groups.map(|group| group.unsent).sum()
    };
    let messages = match unsent(false) {
        0 => None,
        1 => Some("1 message could not be handled; it is kept.".to_owned()),
        count => Some(format!("{count} messages could not be handled; they are kept.")),
    };
    let incidents = match unsent(true) {
        0 => None,
        1 => Some("1 incident needs attention.".to_owned()),
        count => Some(format!("{count} incidents need attention.")),
    };
    let ends = (!plan.resolved.is_empty()).then(|| format!("{}.", resolved(plan)));
    messages.into_iter().chain(incidents).chain(ends).collect::<Vec<_>>().join(" ")
}

/// How many problems ended, or which one.
fn resolved(plan: &MailPlan<'_>) -> String {
    match &plan.resolved[..] {
        [one] if !plan.is_plain => format!("resolved: {}", cause(one)),
        [_] => "1 problem is resolved".to_owned(),
        many => format!("{} problems are resolved", many.len()),
    }
}

/// How a group's trouble ended, and how long it lasted.
fn ending(group: &AlertGroup) -> String {
    let how = one_line(group.resolution.as_deref().unwrap_or("resolved"), REASON_CHARS);
    let Some(resolved_at) = group.resolved_at else { return how };
    let lasted = (resolved_at - group.opened_at).to_std().unwrap_or_default();
    let lasted = humantime::format_duration(std::time::Duration::from_secs(lasted.as_secs()));
    format!("{how}; it lasted {lasted}, from {}", timestamp::to_text(group.opened_at))
}

fn cause(group: &AlertGroup) -> String {
    let stage = group.stage.map_or("unknown stage", domain::StageName::as_str);
    one_line(&format!("{stage}: {}/{}", group.class, group.code), 80)
}

#[cfg(test)]
mod tests {
    use domain::StageName;
    use ports::store::GroupState;

    use super::*;

    fn group(reason: &str) -> AlertGroup {
        let at = timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        AlertGroup {
            fingerprint: "f00".to_owned(),
            stage: Some(StageName::Loader),
            class: Class::Poison,
            code: "wrong\r\nBcc: all@example.com".to_owned(),
            reason: reason.to_owned(),
            state: GroupState::Open,
            first_seen_at: at,
            last_seen_at: at,
            total: 12,
            unsent: 7,
            mailed_at: None,
            mailed_total: 0,
            opened_at: at,
            resolved_at: None,
            resolution: None,
            episodes: 1,
            opened_total: 0,
            flapping_since: at,
            flaps: 1,
            told_at: None,
        }
    }

    #[test]
    fn a_subject_is_one_short_line_whatever_the_letter_says() {
        let group = group("x");
        let plan =
            MailPlan { groups: vec![&group; 3], resolved: Vec::new(), capped_until: None, is_plain: false };
        let subject = subject(&plan);
        assert!(!subject.contains(['\r', '\n']), "{subject}");
        assert!(subject.chars().count() <= SUBJECT_CHARS && subject.contains("21 new"), "{subject}");
    }

    #[test]
    fn only_messages_are_said_to_be_kept() {
        let letter = group("x");
        let incident = AlertGroup { class: Class::Incident, unsent: 1, ..letter.clone() };
        let begin = |groups: Vec<&AlertGroup>| {
            let text = body(&MailPlan { groups, resolved: Vec::new(), capped_until: None, is_plain: false });
            text.lines().next().unwrap().to_owned()
        };
        assert_eq!(begin(vec![&letter]), "7 messages could not be handled; they are kept.");
        // A snapshot that was given up is not kept anywhere.
        assert_eq!(begin(vec![&incident]), "1 incident needs attention.");
        assert_eq!(
            begin(vec![&incident, &letter]),
            "7 messages could not be handled; they are kept. 1 incident needs attention."
        );
    }

    #[test]
    fn a_body_tells_each_group_up_to_a_limit_and_says_when_it_is_capped() {
        let group = group(&"long\u{1b}[31m ".repeat(500));
        let until = timestamp::from_text("2026-11-22T15:00:00Z");
        let text = body(&MailPlan {
            groups: vec![&group; 50],
            resolved: Vec::new(),
            capped_until: until,
            is_plain: false,
        });
        assert!(
            text.contains("7 new, 12 in all") && text.contains("and 30 more groups with 210 new letters")
        );
        assert!(text.contains("capped") && text.contains("15:00:00"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_plain_mail_quotes_nothing_from_outside_and_counts_all_the_same() {
        let group = group("cheap pills");
        let plan =
            MailPlan { groups: vec![&group; 2], resolved: Vec::new(), capped_until: None, is_plain: true };
        let text = format!("{}\n{}", subject(&plan), body(&plan));
        assert!(!text.contains("pills") && !text.contains("Bcc"), "{text}");
        for part in
            ["2 problems, 14 new dead letters", "refused the last mail", "poison", "7 new, 12 in all", "f00"]
        {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }
}
