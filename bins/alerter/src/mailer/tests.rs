use std::sync::Mutex;

use async_trait::async_trait;
use domain::{DeadLetter, StageName};
use ports::memory::MemoryStore;
use ports::{ManualClock, store::GroupState};

use super::*;
use crate::fingerprint;

/// A server that answers as it is told and remembers what it took.
#[derive(Default)]
struct Server {
    answer: Mutex<Option<SendErrorKind>>,
    taken: Mutex<Vec<Mail>>,
    tried: Mutex<Vec<String>>,
}

#[async_trait]
impl Transport for Server {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        self.tried.lock().unwrap().push(mail.id.clone());
        if let Some(kind) = *self.answer.lock().unwrap() {
            return Err(SendError { kind, reason: "no".to_owned() });
        }
        self.taken.lock().unwrap().push(mail.clone());
        Ok(())
    }

    async fn check(&self) -> Result<String, SendError> {
        Ok(String::new())
    }
}

struct Bench {
    store: Arc<MemoryStore>,
    server: Arc<Server>,
    clock: ManualClock,
    mailer: Mailer,
}

impl Bench {
    fn new() -> Self {
        let clock = ManualClock::default();
        let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
        let server = Arc::new(Server::default());
        let settings = config::Config::defaults().mail;
        let mailer =
            Mailer::new(settings, store.clone(), store.clone(), server.clone(), Arc::new(clock.clone()));
        Self { store, server, clock, mailer }
    }

    async fn letters(&self, code: &str, count: usize) {
        for _ in 0..count {
            let number = self.store.groups(None).await.unwrap().iter().map(|group| group.total).sum::<u64>();
            let letter = DeadLetter::incident(StageName::Loader, code, number, "it broke", self.clock.now());
            assert!(self.store.file(&letter, &fingerprint(&letter)).await.unwrap());
        }
    }

    /// Rounds every 5 seconds for `duration`.
    async fn pass(&self, duration: Duration) {
        let end = self.clock.now() + TimeDelta::from_std(duration).unwrap();
        while self.clock.now() < end {
            self.clock.advance(LOOK);
            self.mailer.round(false, &CancellationToken::new()).await.unwrap();
        }
    }

    fn taken(&self) -> Vec<Mail> {
        self.server.taken.lock().unwrap().clone()
    }

    fn answer(&self, kind: Option<SendErrorKind>) {
        *self.server.answer.lock().unwrap() = kind;
    }
}

#[tokio::test]
async fn a_burst_of_one_cause_becomes_one_mail() {
    let bench = Bench::new();
    bench.letters("broken", 3).await;
    bench.pass(Duration::from_secs(25)).await;
    assert_eq!(bench.taken(), []);
    bench.pass(Duration::from_hours(1)).await;
    let taken = bench.taken();
    assert_eq!(taken.len(), 1);
    assert!(taken[0].body.contains("3 new, 3 in all"), "{}", taken[0].body);
}

#[tokio::test]
async fn ten_thousand_letters_of_a_hundred_causes_stay_below_the_caps_and_lose_no_count() {
    let bench = Bench::new();
    for cause in 0..100 {
        bench
            .letters(
                &format!(
                    "cause{}",
                    char::from(b'a' + cause % 26).to_string().repeat(usize::from(cause / 26) + 1)
                ),
                100,
            )
            .await;
        bench.pass(Duration::from_secs(35)).await;
    }
    assert!(bench.taken().len() <= 12, "{} mails in an hour", bench.taken().len());
    assert!(bench.taken().last().unwrap().body.contains("mails are capped"));
    bench.pass(Duration::from_hours(6)).await;
    let groups = bench.store.groups(None).await.unwrap();
    assert_eq!(groups.iter().map(|group| group.total).sum::<u64>(), 10_000);
    assert_eq!(groups.iter().map(|group| group.unsent).sum::<u64>(), 0);
    assert!(groups.iter().all(|group| group.state == GroupState::Open));
}

#[tokio::test]
async fn a_server_that_was_away_for_an_hour_gets_the_mail_once() {
    let bench = Bench::new();
    bench.answer(Some(SendErrorKind::Transient));
    bench.letters("broken", 5).await;
    bench.pass(Duration::from_hours(1)).await;
    let tried = bench.server.tried.lock().unwrap().clone();
    assert!((3..=12).contains(&tried.len()), "{} attempts in an hour", tried.len());
    bench.answer(None);
    bench.pass(Duration::from_mins(20)).await;
    assert_eq!(bench.taken().len(), 1);
    assert!(tried.iter().all(|id| *id == bench.taken()[0].id), "the Message-ID changed between attempts");
}

#[tokio::test]
async fn a_refused_mail_is_not_tried_again_but_a_refused_login_is() {
    for (kind, attempts) in [(SendErrorKind::Permanent, 1..=1), (SendErrorKind::Authentication, 4..=5)] {
        let bench = Bench::new();
        bench.answer(Some(kind));
        bench.letters("broken", 1).await;
        bench.pass(Duration::from_hours(1)).await;
        let tried = bench.server.tried.lock().unwrap().len();
        assert!(attempts.contains(&tried), "{kind:?}: {tried} attempts");
    }
}

#[tokio::test]
async fn a_crash_between_sending_and_recording_repeats_the_same_mail() {
    let bench = Bench::new();
    bench.letters("broken", 1).await;
    bench.clock.advance(Duration::from_mins(1));
    bench.mailer.post(false).await.unwrap();
    // Sent, and the process dies before it is recorded; the next process finds it due.
    let due = bench.store.due(bench.clock.now()).await.unwrap();
    bench.server.send(&due[0]).await.unwrap();
    bench.pass(Duration::from_mins(1)).await;
    let ids: Vec<_> = bench.taken().into_iter().map(|mail| mail.id).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_flush_waits_for_nothing() {
    let bench = Bench::new();
    bench.letters("broken", 1).await;
    bench.mailer.flush().await.unwrap();
    assert_eq!(bench.taken().len(), 1);
}

#[tokio::test]
async fn a_store_that_is_away_is_waited_for() {
    let bench = Bench::new();
    bench.letters("broken", 1).await;
    bench.store.set_available(false);
    let Bench { store, server, clock, mailer } = bench;
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { mailer.run(stop).await }
    });
    let sent = async {
        for second in 0.. {
            if second == 100 {
                store.set_available(true);
            }
            if !server.taken.lock().unwrap().is_empty() {
                return;
            }
            clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), sent).await.expect("the mail is sent");
    stop.cancel();
    running.await.unwrap();
}
