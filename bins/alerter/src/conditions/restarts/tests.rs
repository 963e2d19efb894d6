use ports::Clock;
use testkit::clock::ManualClock;
use testkit::contract::store::processes::process;
use testkit::contract::store::sample::at;
use testkit::memory::MemoryStore;

use super::*;

struct Bench {
    store: Arc<MemoryStore>,
    condition: AgainAndAgain,
}

impl Bench {
    /// Three times in a quarter of an hour is too often.
    fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock));
        let condition = AgainAndAgain::new(store.clone(), Restarts::of(3, Duration::from_mins(15)));
        Self { store, condition }
    }

    async fn note(&self, process: &ProcessRecord) {
        self.store.note_process(process).await.unwrap();
    }

    /// A loader that started and was last seen then.
    async fn lived(&self, id: &str, host: &str, since: i64, seen: i64) {
        let process = ProcessRecord { host: host.to_owned(), seen_at: at(seen), ..process(id, since) };
        self.note(&process).await;
    }

    async fn look(&self, seconds: i64) -> Look {
        self.condition.look(at(seconds)).await.unwrap()
    }

    async fn reason(&self, seconds: i64) -> String {
        match self.look(seconds).await {
            Look::Wrong(finding) => finding.reason,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn one_that_cannot_live_is_told_of_until_it_lives_for_a_while() {
    let bench = Bench::new();
    assert_eq!(bench.look(0).await, Look::Fine);
    for start in 0..4 {
        // It dies within a second, and is started after ever longer.
        bench.lived(&format!("p{start}"), "a3f1", start * 60, start * 60).await;
        let look = bench.look(start * 60 + 50).await;
        if start < 3 {
            assert_eq!(look, if start == 0 { Look::Fine } else { Look::Unsure }, "{start}");
        }
    }
    let reason = bench.reason(230).await;
    assert_eq!(
        reason,
        "a process starts again and again: loader on a3f1 did so 3 times in 15m without being asked to stop, last at \
         2026-11-22T14:03:00.000Z; its log says why, or who runs it: systemd, Docker or Kubernetes [alert.restarts]"
    );
    // The last one lives.
    bench.lived("p3", "a3f1", 180, 2000).await;
    assert!(matches!(bench.look(300).await, Look::Wrong(_)));
    assert_eq!(bench.look(1000).await, Look::Unsure, "the first is out of sight");
    assert_eq!(bench.look(180 + 901).await, Look::Fine);
}

#[tokio::test]
async fn many_workers_that_are_deployed_are_no_restarts() {
    let bench = Bench::new();
    for worker in 0..30_i64 {
        for version in 0..4_i64 {
            let (since, until) = (version * 120 + worker, version * 120 + worker + 119);
            let stopped = ProcessRecord {
                seen_at: at(until),
                asked_at: Some(at(until - 1)),
                // Every other one is killed before it could say its last word.
                ended_at: (worker % 2 == 0).then_some(at(until)),
                ..process(&format!("{worker}/{version}"), since)
            };
            bench.note(&stopped).await;
        }
    }
    assert_eq!(bench.look(600).await, Look::Fine);
}

/// The power failed, twice.
#[tokio::test]
async fn many_workers_that_are_lost_at_once_are_not_one_that_starts_often() {
    let bench = Bench::new();
    for worker in 0..20 {
        for life in 0..3 {
            bench.lived(&format!("{worker}/{life}"), "a3f1", life * 200 + worker, life * 200 + 100).await;
        }
    }
    assert_eq!(bench.look(600).await, Look::Unsure);
    for worker in 0..20 {
        bench.lived(&format!("{worker}/3"), "a3f1", 600 + worker, 640).await;
    }
    assert!(bench.reason(640).await.contains("3 times"));
}

#[tokio::test]
async fn each_machine_and_each_kind_of_process_counts_for_itself() {
    let bench = Bench::new();
    for start in 0..4 {
        bench.lived(&format!("{start}"), &format!("pod-{start}"), start * 60, start * 60).await;
    }
    let alerter = ProcessRecord { roles: vec![StageName::Alerter], ..process("x", 30) };
    bench.note(&alerter).await;
    assert_eq!(bench.look(600).await, Look::Fine);
    for host in ["b", "c"] {
        for start in 0..5 {
            let all = StageName::ALL.to_vec();
            let (id, since) = (format!("{host}{start}"), at(300 + start * 60));
            let one =
                ProcessRecord { host: host.to_owned(), roles: all, seen_at: since, since, ..process(&id, 0) };
            bench.note(&one).await;
        }
    }
    let reason = bench.reason(600).await;
    assert!(reason.contains("coinpipe on ") && reason.contains("4 times"), "{reason}");
    assert!(reason.contains("; another one does so, too;"), "{reason}");
}

/// It says its last word, and was not asked.
#[tokio::test]
async fn one_that_ends_by_itself_counts_at_once() {
    let bench = Bench::new();
    for start in 0..4 {
        let since = start * 3;
        let ended = ProcessRecord { ended_at: Some(at(since + 1)), ..process(&format!("{start}"), since) };
        bench.note(&ended).await;
    }
    assert!(matches!(bench.look(10).await, Look::Wrong(_)));
    let off = AgainAndAgain::new(bench.store.clone(), Restarts::OFF);
    assert_eq!(off.look(at(10)).await.unwrap(), Look::Fine);
}

/// While the store is away nobody can say that it lives.
#[tokio::test]
async fn an_outage_of_the_store_is_no_restart() {
    let bench = Bench::new();
    for worker in 0..5 {
        bench.lived(&format!("{worker}"), "a3f1", worker, 100).await;
    }
    assert_eq!(bench.look(500).await, Look::Fine);
}
