//! `coinpipe dead groups`: letters with the same cause.

use std::collections::BTreeMap;

use clap::Args;
use desk::group_json;
use ports::store::{AlertGroup, GroupState, Unsettled};
use serde_json::Value;
use service::Process;

use crate::{adapters, numbers, output};

/// The groups: letters with the same cause
#[derive(Args, Debug)]
pub(super) struct GroupsArgs {
    /// Only groups in this state: open or resolved
    #[arg(long)]
    state: Option<GroupState>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(process: &Process, args: &GroupsArgs) -> anyhow::Result<()> {
    let Some(stores) = adapters::open_to_list(process, args.json).await? else { return Ok(()) };
    let groups = stores.letters.groups(args.state).await?;
    let unsettled = stores.desk.unsettled().await?;
    let groups = counted(groups, &unsettled);
    if args.json {
        let groups: Vec<_> = groups.iter().map(to_json).collect();
        return output::print(serde_json::to_string_pretty(&groups)?);
    }
    if groups.is_empty() {
        output::say("no dead letters");
        return Ok(());
    }
    output::print(output::table(
        &["group", "state", "stage", "cause", "letters", "deaths", "last seen", "reason"],
        &[4, 5],
        groups.iter().map(row),
    ))
}

/// Each group with its letters that are not settled.
fn counted(groups: Vec<AlertGroup>, unsettled: &BTreeMap<String, Unsettled>) -> Vec<(AlertGroup, Unsettled)> {
    let count = |group: AlertGroup| {
        let letters = unsettled.get(&group.fingerprint).copied().unwrap_or_default();
        (group, letters)
    };
    groups.into_iter().map(count).collect()
}

fn to_json((group, letters): &(AlertGroup, Unsettled)) -> Value {
    let mut json = group_json(group);
    json["open_letters"] = letters.open.into();
    json["replayed_letters"] = letters.replayed.into();
    json["deaths"] = deaths(group).into();
    json
}

fn row((group, letters): &(AlertGroup, Unsettled)) -> Vec<String> {
    vec![
        group.fingerprint.clone(),
        group.state.to_string(),
        group.stage.map_or("–", domain::StageName::as_str).to_owned(),
        format!("{}/{}", group.class, domain::one_line(&group.code, 40)),
        numbers::count(letters.open + letters.replayed),
        numbers::count(deaths(group)),
        domain::timestamp::to_text(group.last_seen_at),
        domain::one_line(&group.reason, 80),
    ]
}

/// Since it opened.
fn deaths(group: &AlertGroup) -> u64 {
    group.total.saturating_sub(group.opened_total)
}

#[cfg(test)]
mod tests {
    use domain::{Class, DeadLetter, StageName, header};
    use ports::{Clock, Desk, Letters};
    use testkit::clock::ManualClock;
    use testkit::memory::MemoryStore;

    use super::*;

    /// One letter that died three times, and one that is settled.
    #[tokio::test]
    async fn letters_are_counted_and_their_deaths_apart() {
        let clock = ManualClock::default();
        let store = MemoryStore::new(std::sync::Arc::new(clock.clone()));
        for (code, replay) in [("broken", ""), ("broken", "replay/1"), ("broken", "replay/2"), ("over", "")] {
            let letter = DeadLetter::incident(StageName::Loader, code, "one", "it broke", clock.now());
            let mut letter = DeadLetter { class: Class::Poison, ..letter };
            letter.headers.set(header::REPLAY_ID, replay);
            assert!(store.file(&letter, code).await.unwrap());
        }
        store.resolve("over", 1, "it works").await.unwrap();
        while store.settle_with_groups(9).await.unwrap() > 0 {}
        let groups = store.groups(None).await.unwrap();
        let groups = counted(groups, &store.unsettled().await.unwrap());
        let shown = |code: &str| {
            let group = groups.iter().find(|(group, _)| group.code == code).unwrap();
            let (row, json) = (row(group), to_json(group));
            (row[4].clone(), row[5].clone(), json["open_letters"].clone(), json["deaths"].clone())
        };
        assert_eq!(shown("broken"), ("1".into(), "3".into(), 1.into(), 3.into()));
        assert_eq!(shown("over"), ("0".into(), "1".into(), 0.into(), 1.into()));
    }
}
