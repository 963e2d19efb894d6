//! The contract of the leadership port: one test for each promise in the documentation of [`Leadership`].
//!
//! An adapter implements [`LeaderLab`] and writes `testkit::leader_contract!(lab);` as for the queue's.

use std::sync::Arc;
use std::time::Duration;

use super::queue::QueueLab;
use ports::{Leadership, Term};

/// What an adapter brings to the tests, beside its queue.
pub trait LeaderLab: QueueLab {
    /// Leadership, as the process sees it that lives now.
    fn leadership(&self) -> Arc<dyn Leadership>;
}

/// Makes a test of each promise; `$lab` is an async function that returns a new [`LeaderLab`].
#[macro_export]
macro_rules! leader_contract {
    ($lab:path) => {
        $crate::leader_contract! {
            $lab:
            the_first_leader_finds_no_note_and_the_next_its_predecessors
            one_leads_at_a_time
            who_stops_waiting_leaves_the_line
            a_dead_leader_is_followed_by_another
            a_frozen_leader_is_told_and_cannot_write
        }
    };
    ($lab:path: $($promise:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                if let Some(lab) = $crate::contract::queue::Setup::lab($lab().await) {
                    $crate::contract::leader::$promise(&lab).await;
                }
            }
        )+
    };
}

/// How long any level may take to be reached; only a failing test waits for it.
const DEADLINE: Duration = Duration::from_mins(1);

async fn lead(leadership: &Arc<dyn Leadership>) -> Box<dyn Term> {
    let led = tokio::time::timeout(DEADLINE, leadership.lead()).await;
    led.expect("nobody else leads, and we do not after 60 s").expect("leading failed")
}

async fn write(term: &mut Box<dyn Term>, note: &str) {
    let written = tokio::time::timeout(DEADLINE, term.write(note.into())).await;
    written.expect("not written in 60 s").expect("writing failed");
}

/// Whatever was written last; also within a term.
pub async fn the_first_leader_finds_no_note_and_the_next_its_predecessors(lab: &impl LeaderLab) {
    let leadership = lab.leadership();
    let mut first = lead(&leadership).await;
    assert_eq!(first.note(), None);
    for note in ["one", "two"] {
        write(&mut first, note).await;
        assert_eq!(first.note(), Some(note.as_bytes()));
    }
    drop(first);
    let mut second = lead(&leadership).await;
    assert_eq!(second.note(), Some(&b"two"[..]));
    let large = "x".repeat(20_000);
    write(&mut second, &large).await;
    drop(second);
    let third = lead(&leadership).await;
    assert_eq!(third.note(), Some(large.as_bytes()));
}

/// Five want to lead and count in the note: none sees a count that another is about to change.
pub async fn one_leads_at_a_time(lab: &impl LeaderLab) {
    let leadership = lab.leadership();
    let counting = (0..5).map(|_| {
        let leadership = Arc::clone(&leadership);
        tokio::spawn(async move {
            let mut term = lead(&leadership).await;
            for _ in 0..3 {
                let count: u32 =
                    term.note().map_or(0, |note| std::str::from_utf8(note).unwrap().parse().unwrap());
                write(&mut term, &(count + 1).to_string()).await;
            }
        })
    });
    for task in counting.collect::<Vec<_>>() {
        task.await.expect("one of five failed");
    }
    assert_eq!(lead(&leadership).await.note(), Some(&b"15"[..]));
}

/// A process that waits after it leads as usual.
pub async fn who_stops_waiting_leaves_the_line(lab: &impl LeaderLab) {
    let leadership = lab.leadership();
    let term = lead(&leadership).await;
    let waiting = tokio::spawn({
        let leadership = Arc::clone(&leadership);
        async move { drop(leadership.lead().await) }
    });
    tokio::select! {
        biased;
        _ = leadership.lead() => panic!("two lead"),
        () = tokio::task::yield_now() => {}
    }
    waiting.abort();
    assert!(waiting.await.is_err_and(|error| error.is_cancelled()), "two led");
    drop(term);
    lead(&leadership).await;
}

/// Within the time that a process may be silent, with the note.
pub async fn a_dead_leader_is_followed_by_another(lab: &impl LeaderLab) {
    let mut dead = lead(&lab.leadership()).await;
    write(&mut dead, "written by the dead").await;
    // The dead do not give back.
    std::mem::forget(dead);
    lab.crash().await;
    let term = lead(&lab.leadership()).await;
    assert_eq!(term.note(), Some(&b"written by the dead"[..]));
}

/// And does its successor no harm.
pub async fn a_frozen_leader_is_told_and_cannot_write(lab: &impl LeaderLab) {
    let mut frozen = lead(&lab.leadership()).await;
    write(&mut frozen, "before").await;
    lab.crash().await;
    let leadership = lab.leadership();
    let mut successor = lead(&leadership).await;
    assert_eq!(successor.note(), Some(&b"before"[..]));
    let late = tokio::time::timeout(DEADLINE, frozen.write(b"late".to_vec())).await;
    assert!(late.expect("no answer in 60 s").is_err(), "a frozen leader wrote");
    tokio::time::timeout(DEADLINE, frozen.over()).await.expect("not told in 60 s that its term is over");
    drop(frozen);
    write(&mut successor, "after").await;
    drop(successor);
    assert_eq!(lead(&leadership).await.note(), Some(&b"after"[..]));
}
