mod clock;
mod elsewhere;
mod recipients;
mod several;
mod trouble;

use async_trait::async_trait;
use domain::{DeadLetter, StageName};
use ports::Letters;
use ports::store::{GroupState, MailTrouble, Planner};
use testkit::clock::ManualClock;
use testkit::memory::MemoryStore;

use ports::store::{Claim, ClaimedMail, Mail, MailResult};

use super::*;
use crate::fingerprint;
use crate::testing::Server;
use crate::transport::{SendError, SendErrorKind, Sent};
use chrono::TimeDelta;

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
        let mailer = Mailer::new(settings, store.clone(), server.clone(), Arc::new(clock.clone()));
        Self { store, server, clock, mailer }
    }

    /// Another mailer, over `outbox`.
    fn mailer_over(&self, outbox: Arc<dyn Outbox>) -> Mailer {
        let clock = Arc::new(self.clock.clone());
        Mailer::new(config::Config::defaults().mail, outbox, self.server.clone(), clock)
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
            self.clock.advance(POLL_INTERVAL);
            self.mailer.round(false, &CancellationToken::new()).await.unwrap();
        }
    }

    async fn trouble(&self) -> MailTrouble {
        self.store.trouble().await.unwrap()
    }

    /// The ids of all attempts so far.
    fn tried(&self) -> Vec<String> {
        self.server.tried.lock().unwrap().clone()
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

/// F13: an hour of 550. Not one attempt for each look, and in the end every letter is told.
#[tokio::test]
async fn what_was_refused_is_told_again_in_another_mail() {
    let bench = Bench::new();
    bench.answer(Some(SendErrorKind::Refused));
    bench.letters("broken", 3).await;
    bench.pass(Duration::from_mins(20)).await;
    bench.letters("other", 2).await;
    bench.pass(Duration::from_mins(40)).await;
    let tried = bench.tried();
    assert!((3..=6).contains(&tried.len()), "{} attempts in an hour", tried.len());
    let distinct: BTreeSet<_> = tried.iter().collect();
    assert_eq!(distinct.len(), tried.len(), "what was refused for good was sent again");
    let trouble = bench.trouble().await;
    assert_eq!((trouble.waiting, trouble.refused), (0, tried.len() as u64));
    assert_eq!(trouble.refusal.map(|(_, reason)| reason).as_deref(), Some("no"));

    bench.answer(None);
    bench.pass(Duration::from_hours(1)).await;
    let taken = bench.taken();
    assert_eq!(taken.len(), 1);
    assert!(taken[0].subject.contains("2 problems, 5 new incidents"), "{}", taken[0].subject);
    assert_eq!(bench.trouble().await, MailTrouble::default());
    let untold = bench.store.groups(None).await.unwrap().iter().map(|group| group.unsent).sum::<u64>();
    assert_eq!(untold, 0);
}

#[tokio::test]
async fn what_somebody_has_to_change_is_tried_rarely_and_waits() {
    let bench = Bench::new();
    bench.answer(Some(SendErrorKind::Misconfigured));
    bench.letters("broken", 1).await;
    bench.pass(Duration::from_hours(1)).await;
    let tried = bench.tried();
    assert!((4..=5).contains(&tried.len()), "{} attempts in an hour", tried.len());
    let trouble = bench.trouble().await;
    assert_eq!((trouble.waiting, trouble.failure.as_deref(), trouble.refused), (1, Some("no"), 0));
    bench.answer(None);
    bench.pass(Duration::from_mins(16)).await;
    assert_eq!(bench.taken().len(), 1);
    assert_eq!(bench.taken()[0].id, tried[0]);
}

/// It is another's when the claim has ended, and not before.
#[tokio::test]
async fn a_crash_between_sending_and_recording_repeats_the_same_mail() {
    let bench = Bench::new();
    bench.letters("broken", 1).await;
    bench.clock.advance(Duration::from_mins(1));
    assert!(bench.mailer.post(false).await.unwrap());
    // Sent, and the process dies before it is recorded.
    let claimed = bench.mailer.claim(Channel::Mail).await.unwrap().expect("it is due");
    bench.server.send(&claimed.mail).await.unwrap();
    bench.pass(Duration::from_mins(1)).await;
    assert_eq!(bench.taken().len(), 1);
    bench.pass(Duration::from_mins(1)).await;
    let ids: Vec<_> = bench.taken().into_iter().map(|mail| mail.id).collect();
    assert_eq!(ids, [claimed.mail.id.clone(), claimed.mail.id]);
    bench.pass(Duration::from_hours(5)).await;
    assert_eq!(bench.taken().len(), 2);
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

/// A store on a full disk: it can be read, and takes no record of an attempt.
struct FullDisk(Arc<MemoryStore>, std::sync::atomic::AtomicBool);

#[async_trait]
impl Outbox for FullDisk {
    async fn post(&self, since: DateTime<Utc>, plan: &Planner<'_>) -> Result<Option<Mail>, StoreError> {
        self.0.post(since, plan).await
    }

    async fn claim(&self, claim: Claim) -> Result<Option<ClaimedMail>, StoreError> {
        self.0.claim(claim).await
    }

    async fn record(
        &self,
        id: &str,
        number: u64,
        at: DateTime<Utc>,
        result: &MailResult,
    ) -> Result<bool, StoreError> {
        if self.1.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(StoreError::Unavailable { reason: "the disk is full".to_owned() });
        }
        self.0.record(id, number, at, result).await
    }

    async fn is_posted(&self, id: &str) -> Result<bool, StoreError> {
        self.0.is_posted(id).await
    }

    async fn trouble(&self) -> Result<MailTrouble, StoreError> {
        self.0.trouble().await
    }
}

#[tokio::test]
async fn a_mail_that_was_taken_is_not_sent_again_because_the_disk_is_full() {
    let mut bench = Bench::new();
    let disk = Arc::new(FullDisk(bench.store.clone(), true.into()));
    bench.mailer = bench.mailer_over(disk.clone());
    bench.letters("broken", 1).await;
    for _ in 0..100 {
        bench.clock.advance(POLL_INTERVAL);
        let _ = bench.mailer.round(false, &CancellationToken::new()).await;
    }
    assert_eq!(bench.tried().len(), 1);
    disk.1.store(false, std::sync::atomic::Ordering::Relaxed);
    bench.pass(Duration::from_hours(1)).await;
    assert_eq!(bench.tried().len(), 1);
    assert_eq!(bench.trouble().await, MailTrouble::default());
}

#[tokio::test]
async fn what_happens_while_the_server_is_away_becomes_one_digest() {
    let bench = Bench::new();
    bench.answer(Some(SendErrorKind::Transient));
    for code in ["one", "two", "three", "four", "five", "six"] {
        bench.letters(code, 7).await;
        bench.pass(Duration::from_mins(10)).await;
    }
    bench.answer(None);
    bench.pass(Duration::from_mins(30)).await;
    let taken = bench.taken();
    assert_eq!(taken.len(), 2, "the one that waited, and one for all the rest");
    assert!(taken[1].subject.contains("5 problems, 35 new"), "{}", taken[1].subject);
}

#[tokio::test]
async fn a_mail_that_the_server_puts_off_for_ever_does_not_silence_the_others_for_ever() {
    let bench = Bench::new();
    bench.answer(Some(SendErrorKind::Transient));
    bench.letters("one", 1).await;
    bench.pass(Duration::from_hours(1)).await;
    bench.letters("two", 1).await;
    bench.pass(Duration::from_hours(4)).await;
    let mut tried = bench.server.tried.lock().unwrap().clone();
    tried.sort();
    tried.dedup();
    assert_eq!(tried.len(), 2);
}

#[tokio::test]
async fn a_server_that_never_answers_does_not_hold_up_a_stop() {
    struct Mute(tokio::sync::Notify);
    #[async_trait]
    impl Transport for Mute {
        async fn send(&self, _: &Mail) -> Result<Sent, SendError> {
            self.0.notify_one();
            std::future::pending().await
        }

        async fn check(&self) -> Result<String, SendError> {
            Ok(String::new())
        }
    }
    let bench = Bench::new();
    bench.letters("broken", 1).await;
    bench.clock.advance(Duration::from_mins(1));
    let mute = Arc::new(Mute(tokio::sync::Notify::new()));
    let (store, clock) = (bench.store.clone(), Arc::new(bench.clock.clone()));
    let mailer = Mailer::new(config::Config::defaults().mail, store.clone(), mute.clone(), clock);
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { mailer.run(stop).await }
    });
    mute.0.notified().await;
    stop.cancel();
    let stopped = async {
        while !running.is_finished() {
            bench.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), stopped).await.expect("the mailer stops");
    let next = bench.mailer.claim(Channel::Mail).await.unwrap();
    assert!(next.is_some(), "the next start, or another mailer, need not wait for the mail");
}

/// Twenty causes that begin three seconds apart, as in a storm: few mails, and the caps leave room for what comes next.
#[tokio::test]
async fn causes_that_begin_one_after_the_other_are_few_mails() {
    let bench = Bench::new();
    for cause in 'a'..='t' {
        bench.letters(&cause.to_string(), 500).await;
        bench.pass(Duration::from_secs(5)).await;
    }
    bench.pass(Duration::from_mins(30)).await;
    let count = bench.taken().len();
    assert!((1..=5).contains(&count), "{count} mails");
    let untold = bench.store.groups(None).await.unwrap().iter().map(|group| group.unsent).sum::<u64>();
    assert_eq!(untold, 0);
}

/// A webhook that refuses a message for good is told in `coinpipe status`; nothing is repeated, and the mail says the same.
#[tokio::test]
async fn a_webhook_that_refuses_is_told_and_given_up() {
    let bench = Bench::new();
    let webhook = Arc::new(Server::default());
    *webhook.answer.lock().unwrap() = Some(SendErrorKind::Refused);
    let transports = Transports { mail: Some(bench.server.clone()), webhook: Some(webhook.clone()) };
    let settings = config::Config::defaults().mail;
    let mailer = Mailer::over(settings, bench.store.clone(), transports, Arc::new(bench.clock.clone()));
    bench.letters("broken", 1).await;
    mailer.flush().await.unwrap();
    bench.clock.advance(Duration::from_hours(1));
    mailer.flush().await.unwrap();
    assert_eq!((bench.taken().len(), webhook.tried.lock().unwrap().len()), (1, 1));
    let trouble = bench.trouble().await;
    assert_eq!((trouble.waiting, trouble.refused, trouble.refused_copies), (0, 0, 1));
    assert_eq!(trouble.copy_refusal.map(|(_, reason)| reason).as_deref(), Some("no"));
    let on = |channel, id: &str| Mail { channel, ..Mail::plain(id, "s", "b", bench.clock.now()) };
    let after = |mailer: &Mailer, channel, id| mailer.after_refusal(&on(channel, id));
    let (of_trouble, summary) = ("coinpipe-1a2b-0123", "coinpipe-1a2b-summary-week-2026-11-16");
    let (mail, copy) =
        (after(&mailer, Channel::Mail, of_trouble), after(&mailer, Channel::Webhook, of_trouble));
    assert!(mail.contains("mailed again") && copy.contains("the mail says the same"), "{mail}\n{copy}");
    // Of a summary there is no other mail.
    let mail = after(&mailer, Channel::Mail, summary);
    assert!(mail.contains("refused a summary for good; it is given up"), "{mail}");
    assert_eq!(after(&mailer, Channel::Webhook, summary), copy);
    // Alone, it covers its letters.
    let transports = Transports { mail: None, webhook: Some(webhook) };
    let settings = config::Config::defaults().mail;
    let alone = Mailer::over(settings, bench.store.clone(), transports, Arc::new(bench.clock.clone()));
    bench.letters("other", 1).await;
    alone.flush().await.unwrap();
    let trouble = bench.trouble().await;
    assert_eq!((trouble.refused, trouble.refused_copies), (1, 1));
    assert!(after(&alone, Channel::Webhook, of_trouble).contains("tell of its letters again"));
    let given_up = after(&alone, Channel::Webhook, summary);
    assert!(given_up.contains("refused a summary for good; it is given up"), "{given_up}");
}
