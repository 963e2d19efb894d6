//! What the store promises about processes.

use domain::StageName;
use ports::store::{ProcessRecord, Processes, StageRate};

use super::StoreLab;
use super::sample::at;

/// A process that started at [`at`]`(since)` and was seen then.
pub fn process(id: &str, since: i64) -> ProcessRecord {
    ProcessRecord {
        id: id.to_owned(),
        roles: vec![StageName::Loader],
        version: "0.1.0".to_owned(),
        host: "a3f1".to_owned(),
        pid: 1,
        since: at(since),
        seen_at: at(since),
        asked_at: None,
        ended_at: None,
        rates: Vec::new(),
    }
}

async fn all(lab: &impl StoreLab) -> Vec<ProcessRecord> {
    lab.store().processes(at(-1_000_000), 100).await.expect("answers")
}

async fn note(lab: &impl StoreLab, process: &ProcessRecord) {
    lab.store().note_process(process).await.expect("is noted");
}

/// Also by whoever looks from another process. Names are any text.
pub async fn a_process_is_as_it_last_said(lab: &impl StoreLab) {
    assert_eq!(all(lab).await, []);
    let first = ProcessRecord {
        roles: StageName::ALL.to_vec(),
        host: "höst \"<b>'".to_owned(),
        version: "0.1.0+a;b".to_owned(),
        pid: u32::MAX,
        ..process("a", 0)
    };
    note(lab, &first).await;
    assert_eq!(all(lab).await, std::slice::from_ref(&first));
    let rates = vec![
        StageRate { stage: StageName::Transformer, messages: 1, rows: 0 },
        StageRate { stage: StageName::Loader, messages: 5, rows: 1 << 40 },
    ];
    let later = ProcessRecord { seen_at: at(15), rates, ..first.clone() };
    note(lab, &later).await;
    note(lab, &later).await;
    assert_eq!(all(lab).await, std::slice::from_ref(&later));
    let ended = ProcessRecord {
        seen_at: at(30),
        asked_at: Some(at(20)),
        ended_at: Some(at(30)),
        rates: Vec::new(),
        ..later
    };
    note(lab, &ended).await;
    let seen = lab.beside().await.processes(at(0), 100).await.expect("answers");
    assert_eq!(seen, [ended]);
}

/// By their start, whoever was seen last.
pub async fn processes_come_newest_start_first_as_long_as_they_are_seen(lab: &impl StoreLab) {
    for (id, since, seen) in [("a", 0, 500), ("b", 100, 100), ("d", 200, 400), ("c", 200, 300)] {
        note(lab, &ProcessRecord { seen_at: at(seen), ..process(id, since) }).await;
    }
    let ids = async |since: i64, limit: u32| {
        let processes = lab.store().processes(at(since), limit).await.expect("answers");
        processes.into_iter().map(|process| process.id).collect::<Vec<_>>().concat()
    };
    assert_eq!(ids(0, 9).await, "dcba");
    assert_eq!(ids(101, 9).await, "dca");
    assert_eq!(ids(500, 9).await, "a");
    assert_eq!(ids(501, 9).await, "");
    assert_eq!(ids(0, 2).await, "dc");
}

/// Those that were seen longest ago first.
pub async fn what_was_not_seen_for_long_is_forgotten_in_portions(lab: &impl StoreLab) {
    for (id, since) in [("a", 0), ("b", 100), ("c", 200), ("d", 300)] {
        note(lab, &process(id, since)).await;
    }
    let store = lab.store();
    let forget =
        async |before: i64, limit: u32| store.forget_processes(at(before), limit).await.expect("works");
    assert_eq!(forget(0, 9).await, 0);
    assert_eq!(forget(300, 2).await, 2);
    let left: Vec<_> = all(lab).await.into_iter().map(|process| process.id).collect();
    assert_eq!(left, ["d", "c"]);
    assert_eq!(forget(300, 9).await, 1);
    assert_eq!(forget(300, 9).await, 0);
    assert_eq!(all(lab).await.len(), 1);
}
