//! How everything else is: how old the data are, what waits, what it costs.

use chrono::{DateTime, Utc};
use ports::Depth;

use super::block::Block;
use super::words::{count, counted, instant, lasting};
use crate::policy::MailPlan;
use crate::surroundings::Surroundings;

/// The section; nothing when nothing is known.
pub(super) fn blocks(plan: &MailPlan<'_>, around: &Surroundings, now: DateTime<Utc>) -> Vec<Block> {
    let mut facts = Vec::new();
    if let Some(freshness) = &around.freshness {
        facts.push((
            "Quotes",
            match (freshness.newest_quote_at, freshness.newest_fetch_at) {
                (Some(quote), Some(fetch)) => format!(
                    "the newest is {} old; fetched {} ago",
                    lasting(now - quote),
                    lasting(now - fetch)
                ),
                _ => "there are none".to_owned(),
            },
        ));
    }
    if let Some(database) = &around.database {
        if let Some((slot, coins)) = database.last_whole {
            let at = instant(slot.starts_at());
            facts.push((
                "Snapshot",
                format!("the last whole one is of {at}, with {}", counted(coins, "coin")),
            ));
        }
        let looked_back = lasting(now - database.since);
        facts.push(("Credits", format!("{} in the last {looked_back}", count(database.credits))));
    }
    if !around.queues.is_empty() {
        let queues: Vec<_> =
            around.queues.iter().map(|(name, depth)| format!("{name} {}", waiting(*depth))).collect();
        facts.push(("Queues", queues.join(", ")));
    }
    if let Some(open) = around.open_groups {
        let others = open.saturating_sub(plan.groups.len() as u64);
        facts.push((
            "Other trouble",
            if others == 0 {
                "none is open".to_owned()
            } else {
                format!("{} open", counted(others, "group"))
            },
        ));
    }
    if facts.is_empty() { Vec::new() } else { vec![Block::heading("Everything else"), Block::Facts(facts)] }
}

fn waiting(depth: Depth) -> String {
    if depth.total() == 0 { "empty".to_owned() } else { count(depth.total()) }
}
