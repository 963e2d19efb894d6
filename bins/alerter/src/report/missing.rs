//! What is not in the database, in words.

use chrono::{DateTime, Utc};

use super::block::Block;
use super::words::{count, counted, instant, lasting, span};
use crate::newest::is_of_snapshots;
use crate::policy::MailPlan;
use crate::surroundings::{Database, Hole, Surroundings, What};

/// As many holes are listed.
const LISTED: usize = 8;

/// As many missing parts of one batch are named.
const PARTS: usize = 3;

/// The longest reason of a verdict, in characters.
const WHY_CHARS: usize = 200;

/// The codes of trouble that is about snapshots which did not come: a mail about it never says that nothing is missing.
const ABOUT_SNAPSHOTS: [&str; 2] = ["quotes_stale", "slot_missed"];

/// The section; nothing when it is not known what there is.
pub(super) fn blocks(plan: &MailPlan<'_>, around: &Surroundings, now: DateTime<Utc>) -> Vec<Block> {
    let Some(database) = &around.database else { return Vec::new() };
    let mut blocks = vec![Block::heading("Not in the database")];
    let looked_back = lasting(now - database.since);
    if database.due.is_none() {
        blocks.push(Block::text(format!(
            "Whether snapshots are missing nobody can tell: no schedule is known, which the fetcher that leads announces. {} in \
             the last {looked_back}{}",
            came(database.fetched),
            if database.holes.is_empty() { "." } else { ", and of what came this is missing:" }
        )));
        if database.holes.is_empty() {
            return blocks;
        }
    } else if database.holes.is_empty() {
        blocks.push(Block::text(whole(plan, &all(database, &looked_back))));
        return blocks;
    }
    if database.due.is_some() {
        blocks.push(Block::text(format!("Of {} this is missing:", all(database, &looked_back))));
    }
    let mut points: Vec<_> = database.holes.iter().take(LISTED).map(|hole| told(hole, now)).collect();
    let more = database.holes.len().saturating_sub(LISTED);
    if more > 0 {
        points
            .push(format!("and {more} more; `coinpipe gaps` and `coinpipe batches --incomplete` list them"));
    }
    blocks.push(Block::Points(points));
    blocks
}

/// That `all` are there.
fn whole(plan: &MailPlan<'_>, all: &str) -> String {
    let mut groups = plan.groups.iter().chain(&plan.resolved);
    if !groups.any(|group| ABOUT_SNAPSHOTS.contains(&group.code.as_str())) {
        return format!("Nothing is missing of {all}.");
    }
    let open = if plan.groups.is_empty() { "" } else { " What the trouble is about is told below." };
    format!("By now {all} are there.{open}")
}

fn came(snapshots: u64) -> String {
    if snapshots == 0 { "None came".to_owned() } else { format!("{} came", counted(snapshots, "snapshot")) }
}

fn all(database: &Database, looked_back: &str) -> String {
    match database.due {
        Some(due) if due > 0 => format!("the {} due in the last {looked_back}", counted(due, "snapshot")),
        _ => format!("the {} of the last {looked_back}", counted(database.fetched, "snapshot")),
    }
}

pub(super) fn told(hole: &Hole, now: DateTime<Utc>) -> String {
    match hole {
        Hole::Slots { first, count: 1, coins, .. } => {
            let coins = coins.map(|coins| format!(": about {}", counted(coins, "coin")));
            format!(
                "{}: the snapshot was not fetched{}",
                instant(first.starts_at()),
                coins.unwrap_or_default()
            )
        }
        Hole::Slots { first, last, count: slots, coins } => {
            let coins = coins.map(|coins| format!(", about {} each", counted(coins, "coin")));
            let when = span(first.starts_at(), last.starts_at());
            format!("{when}: {} snapshots were not fetched{}", count(*slots), coins.unwrap_or_default())
        }
        Hole::Late { first, count: 1, .. } => {
            format!("{}: the snapshot did not come yet", instant(first.starts_at()))
        }
        Hole::Late { first, last, count: slots } => {
            let when = span(first.starts_at(), last.starts_at());
            format!("{when}: {} snapshots did not come yet", count(*slots))
        }
        Hole::Parts { batch, missing, coins, since } => {
            let named: Vec<_> = missing.iter().take(PARTS).map(ToString::to_string).collect();
            let more = match missing.len().saturating_sub(PARTS) {
                0 => String::new(),
                more => format!(" and {more} more parts"),
            };
            let coins = coins.map(|coins| format!(": about {}", counted(coins, "coin")));
            let since = since.map(|since| format!("; nothing came for {}", lasting(now - since)));
            format!(
                "{}: {}{more} not loaded{}{}",
                which(batch),
                named.join(", "),
                coins.unwrap_or_default(),
                since.unwrap_or_default()
            )
        }
        Hole::NotSent { batch, why } => {
            format!("{}: the API did not send all coins ({})", which(batch), domain::one_line(why, WHY_CHARS))
        }
        Hole::Rejected { batch, rejected, of } => {
            let rejected = counted(*rejected, "coin");
            format!("{}: {rejected} of {} rejected; the others are loaded", which(batch), count(*of))
        }
    }
}

fn which(batch: &What) -> String {
    let at = instant(batch.slot.starts_at());
    if is_of_snapshots(&batch.endpoint) {
        at
    } else {
        format!("{at}, {}", domain::one_line(&batch.endpoint, 40))
    }
}
