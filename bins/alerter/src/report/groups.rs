//! The trouble itself, group by group, and what to type about it.

use chrono::{DateTime, Utc};
use domain::{one_line, timestamp};
use ports::store::{AlertGroup, GroupState};

use super::REASON_CHARS;
use super::block::Block;
use super::opening::{cause, new_letters};
use super::words::{count, counted, instant, lasting, span};
use crate::policy::{MailPlan, is_flapping};
use crate::surroundings::{Sample, Samples, Surroundings};

/// How many groups a mail lists; nobody would read a mail with hundreds.
const LISTED: usize = 20;

/// How many letters before the newest of their groups a mail lists, in all.
const EARLIER: usize = 20;

/// The groups that are open, and what to type.
pub(super) fn open(plan: &MailPlan<'_>, around: &Surroundings, now: DateTime<Utc>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut room = EARLIER;
    for group in plan.groups.iter().take(LISTED) {
        let samples = around.samples.get(&group.fingerprint).filter(|_| !plan.is_plain);
        let title = if plan.is_plain { group.class.to_string() } else { cause(group) };
        blocks.extend([Block::Heading(title), Block::text(counts(group, around))]);
        if is_flapping(group) {
            blocks.push(Block::text(format!(
                "It comes and goes: {} times in {}.{}",
                count(group.flaps),
                lasting(now - group.flapping_since),
                if group.state == GroupState::Resolved { " Just now it is away." } else { "" }
            )));
        }
        if !plan.is_plain {
            let reason = samples.map_or(&group.reason, |samples| &samples.newest.reason);
            blocks.push(Block::Quote(one_line(reason, REASON_CHARS)));
        }
        let mut facts = samples.map(|samples| newest(&samples.newest)).unwrap_or_default();
        if plan.groups.len() > 1 {
            facts.push(("Group", group.fingerprint.clone()));
        }
        if !facts.is_empty() {
            blocks.push(Block::Facts(facts));
        }
        let earlier: Vec<_> = samples.into_iter().flat_map(earlier).take(room).collect();
        if !earlier.is_empty() {
            room -= earlier.len();
            blocks.extend([Block::text("Before it, for other reasons:"), Block::Points(earlier)]);
        }
    }
    let more = plan.groups.len().saturating_sub(LISTED);
    if more > 0 {
        let letters: u64 = plan.groups.iter().skip(LISTED).map(|group| new_letters(group, around)).sum();
        blocks.push(Block::text(format!("and {more} more groups with {}", counted(letters, "new letter"))));
    }
    blocks.extend(commands(plan, around));
    blocks
}

/// How many, and from when to when.
fn counts(group: &AlertGroup, around: &Surroundings) -> String {
    let (first, last) = (group.first_seen_at, group.last_seen_at);
    let is_one = instant(first) == instant(last);
    let when = if is_one { format!("at {}", instant(first)) } else { format!("from {}", span(first, last)) };
    let letters = new_letters(group, around);
    if letters < group.unsent {
        let (new, died, all) = (count(letters), count(group.unsent), count(group.total));
        let which = if letters == 1 { "which" } else { "which together" };
        return format!("{new} new, {which} died {died} times; {all} deaths in all, {when}.");
    }
    format!("{} new, {} in all, {when}.", count(group.unsent), count(group.total))
}

/// What is known of the newest letter. Its id is whole, so that it can be typed.
fn newest(sample: &Sample) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Newest", instant(sample.filed_at))];
    facts.extend(sample.batch.as_ref().map(|batch| ("Batch", one_line(batch, 200))));
    facts.push(("Letter", sample.letter.to_string()));
    facts
}

/// The letters before the newest, a line each. Their code is that of the group; their ids are whole.
fn earlier(samples: &Samples) -> impl Iterator<Item = String> {
    samples.earlier.iter().map(|sample| {
        format!("{}: {}; letter {}", instant(sample.filed_at), sample.short_reason(), sample.letter)
    })
}

/// The one command to look, and the one for silence.
fn commands(plan: &MailPlan<'_>, around: &Surroundings) -> Vec<Block> {
    let group = match &plan.groups[..] {
        [] => return Vec::new(),
        [one] => Some(one.fingerprint.as_str()),
        _ => None,
    };
    let look = match group {
        Some(group) => format!("coinpipe dead list --group {group}"),
        None => "coinpipe dead groups".to_owned(),
    };
    let silence =
        format!("coinpipe alerts silence {} --for 4h --why \"being looked at\"", group.unwrap_or("GROUP"));
    let mut blocks = vec![
        Block::Heading("What to type".to_owned()),
        Block::Command { does: "To look", line: look },
        Block::Command { does: "For no more mails about it", line: silence },
    ];
    // Beside the command: who is on the way has no shell, and who has no browser has one.
    if let Some(base) = &around.site {
        let of_group = group.map(|group| format!("/groups/{group}")).unwrap_or_default();
        let url = format!("{base}/letters{of_group}");
        blocks.insert(2, Block::Link { does: "To look in a browser", url });
    }
    blocks
}

/// The groups whose trouble ended, and how long it lasted.
pub(super) fn resolved(plan: &MailPlan<'_>, around: &Surroundings) -> Vec<Block> {
    let mut blocks = Vec::new();
    for group in plan.resolved.iter().take(LISTED) {
        let title = if plan.is_plain { group.class.to_string() } else { cause(group) };
        blocks.push(Block::Heading(format!("Resolved: {title}")));
        let mut facts = Vec::new();
        if let Some(how) = group.resolution.as_ref().filter(|_| !plan.is_plain) {
            facts.push(("How", one_line(how, REASON_CHARS)));
        }
        if let Some(resolved_at) = group.resolved_at {
            let when = span(group.opened_at, resolved_at);
            facts.push(("Lasted", format!("{}, from {when}", lasting(resolved_at - group.opened_at))));
        }
        let deaths = group.total.saturating_sub(group.opened_total);
        let letters = around.letters.get(&group.fingerprint).filter(|letters| **letters < deaths);
        let again = |letters: &u64| format!("{}, which died {} times", count(*letters), count(deaths));
        facts.push(("Letters", letters.map_or_else(|| count(deaths), again)));
        if is_flapping(group) {
            let since = timestamp::to_millis(group.flapping_since);
            facts.push(("Before", format!("it came {} times since {}", count(group.flaps), instant(since))));
        }
        facts.push(("Group", group.fingerprint.clone()));
        blocks.push(Block::Facts(facts));
    }
    let more = plan.resolved.len().saturating_sub(LISTED);
    if more > 0 {
        blocks.push(Block::text(format!("and {more} more groups")));
    }
    blocks
}
