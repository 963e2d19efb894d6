use domain::{Class, DeadLetter, StageName};
use ports::Store;
use testkit::clock::ManualClock;
use testkit::contract::store::sample::{chunk, fetched, schedule};
use testkit::memory::MemoryStore;

use super::*;
use ports::store::{Channel, Mail};

struct Bench {
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    config: config::Config,
}

impl Bench {
    /// A day and a half with a snapshot an hour, of which the third was not fetched, and a letter and an incident.
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let begin = clock.now();
        let schedule = schedule(begin);
        store.record_schedule(&schedule).await.unwrap();
        let sample = fetched(1);
        for hour in (0..34).filter(|hour| *hour != 2) {
            let slot = domain::Slot::at(begin + TimeDelta::hours(hour));
            let batch = BatchId::new(slot, "listings", &schedule.convert);
            let mut chunk = chunk(&[1]);
            (chunk.page.batch, chunk.page.slot) = (batch.clone(), slot);
            store.load(&chunk).await.unwrap();
            let fetched_at = slot.starts_at();
            let fetched = domain::Fetched { batch, slot, fetched_at, credits: 3, ..sample.clone() };
            store.record_fetched(&fetched).await.unwrap();
        }
        for (class, id) in [(Class::Incident, "1"), (Class::Poison, "2")] {
            let letter = DeadLetter::incident(StageName::Loader, "broken", id, "it broke", begin);
            store.file(&DeadLetter { class, ..letter }, id).await.unwrap();
        }
        let mut config = config::Config::defaults();
        config.alert.summary = config::Summary::Daily;
        Self { clock, store, config }
    }

    fn summaries(&self) -> Summaries {
        let channels = Channels { main: Channel::Mail, copies: vec![Channel::Webhook] };
        Summaries::new(&self.config, &Stores::of(self.store.clone()), self.clock.clone(), channels)
    }

    /// How many mails wait, beside what says the same on the webhook.
    async fn posted(&self) -> usize {
        let count = Mutex::new(0);
        let look = |state: &OutboxState| {
            *count.lock().unwrap() = state.mails.len();
            None
        };
        self.store.post(self.clock.now(), &look).await.unwrap();
        count.into_inner().unwrap()
    }

    async fn subject(&self) -> String {
        let now = self.clock.now();
        let claim = ports::Claim {
            channel: Channel::Mail,
            now,
            until: now + TimeDelta::hours(1),
            far: now + TimeDelta::days(99),
        };
        self.store.claim(claim).await.unwrap().expect("it is due").mail.subject
    }
}

#[tokio::test]
async fn a_period_is_summed_up_once_by_any_number_of_alerters_and_after_a_restart() {
    // 2026-11-22T14:00:00Z, and a Sunday.
    let bench = Bench::new().await;
    let (one, other) = (bench.summaries(), bench.summaries());
    one.look().await.unwrap();
    assert_eq!(bench.posted().await, 0, "there was nothing on the day before");
    bench.clock.advance(Duration::from_mins(11 * 60 - 1));
    one.look().await.unwrap();
    assert_eq!(bench.posted().await, 0, "what was due may still be loaded");
    bench.clock.advance(Duration::from_mins(1));
    for _ in 0..3 {
        one.look().await.unwrap();
        other.look().await.unwrap();
        bench.summaries().look().await.unwrap();
    }
    assert_eq!(bench.posted().await, 1);
    assert_eq!(
        bench.subject().await,
        "[coinpipe] 2026-11-22: 9 of 10 snapshots, 1 letter, 1 incident, 27 credits"
    );
    bench.clock.advance(Duration::from_hours(24));
    one.look().await.unwrap();
    assert_eq!(bench.posted().await, 2);
}

#[tokio::test]
async fn a_summary_waits_for_quiet_hours_and_caps() {
    let mut bench = Bench::new().await;
    bench.config.alert.quiet_hours = QuietHours::parse("22:00-07:00");
    bench.config.mail.max_per_hour = 1;
    let summaries = bench.summaries();
    bench.clock.advance(Duration::from_hours(12));
    summaries.look().await.unwrap();
    assert_eq!(bench.posted().await, 0);
    bench.clock.advance(Duration::from_hours(5));
    let other = |state: &OutboxState| {
        let mail = Mail::plain(format!("{}-other", state.installation), "s", "b", bench.clock.now());
        Some(Posting { mail, covered: Vec::new(), copies: Vec::new() })
    };
    bench.store.post(bench.clock.now(), &other).await.unwrap();
    summaries.look().await.unwrap();
    assert_eq!(bench.posted().await, 1);
    bench.clock.advance(Duration::from_hours(1) + Duration::from_secs(1));
    summaries.look().await.unwrap();
    assert_eq!(bench.posted().await, 2);
}

#[tokio::test]
async fn nothing_is_summed_up_when_nobody_wants_it() {
    let mut bench = Bench::new().await;
    bench.config.alert.summary = config::Summary::Off;
    bench.clock.advance(Duration::from_hours(300));
    bench.summaries().look().await.unwrap();
    assert_eq!(bench.posted().await, 0);
}

fn totals() -> Totals {
    Totals {
        period: Period::last(config::Summary::Weekly, DateTime::UNIX_EPOCH + TimeDelta::days(30)).unwrap(),
        slots: Slots { due: Some(168), fetched: 168 },
        incomplete: 2,
        filed: FiledCounts { letters: 3, incidents: 0 },
        credits: 3360,
        plan: None,
        open: 1,
    }
}

#[test]
fn a_summary_says_how_all_was_and_what_is_left_to_do() {
    let mail = |channel| {
        report::summary_mail(&totals().summed_up(), channel, "id".to_owned(), "1a2b", DateTime::UNIX_EPOCH)
    };
    let (mail, webhook) = (mail(Channel::Mail), mail(Channel::Webhook));
    assert!(webhook.body.contains(r#""snapshots_in_part":2"#), "{}", webhook.body);
    assert_eq!(
        mail.subject,
        "[coinpipe] the week from 1970-01-19: 168 of 168 snapshots, 3 letters, 3360 credits"
    );
    for part in ["2 of them lack something", "1 group is open", "coinpipe alerts"] {
        assert!(mail.body.contains(part), "{part} is not in:\n{}", mail.body);
    }
}

impl Bench {
    /// A batch of `endpoint` for the hour that was not fetched.
    async fn fill(&self, endpoint: &str, verdict: Option<domain::Verdict>) {
        let slot = domain::Slot::at(testkit::contract::store::sample::at(2 * 3600));
        let batch = BatchId::new(slot, endpoint, &["USD".to_owned()]);
        let mut chunk = chunk(&[1]);
        (chunk.page.batch, chunk.page.slot) = (batch.clone(), slot);
        endpoint.clone_into(&mut chunk.page.endpoint);
        self.store.load(&chunk).await.unwrap();
        let fetched_at = slot.starts_at() + TimeDelta::hours(4);
        let endpoint = endpoint.to_owned();
        let fetched =
            domain::Fetched { batch, slot, endpoint, fetched_at, credits: 73, verdict, ..fetched(1) };
        self.store.record_fetched(&fetched).await.unwrap();
    }
}

/// As `coinpipe gaps` and the end of `slot_missed` see it: some coins of the past fill no slot. What it cost counts on the day on which
/// it was paid, and as a share where the plan is known.
#[tokio::test]
async fn a_slot_that_was_filled_in_part_is_missing_and_paid_for() {
    let verdict = domain::Verdict { doubt: domain::Doubt::Incomplete, why: "2 coins of 200".to_owned() };
    for (verdict, plan, told) in [
        (Some(verdict), 0, "9 of 10 snapshots, 1 letter, 1 incident, 100 credits"),
        (None, 1000, "10 of 10 snapshots, 1 letter, 1 incident, 10 % of the credits"),
        (None, 20_000, "10 of 10 snapshots, 1 letter, 1 incident, <1 % of the credits"),
    ] {
        let mut bench = Bench::new().await;
        bench.config.alert.plan_credits = plan;
        bench.fill("history", verdict).await;
        bench.clock.advance(Duration::from_hours(12));
        bench.summaries().look().await.unwrap();
        assert_eq!(bench.subject().await, format!("[coinpipe] 2026-11-22: {told}"));
    }
}

/// Fetchers of older versions do not announce their schedule: nothing is called whole then.
#[tokio::test]
async fn without_a_schedule_nobody_says_that_all_is_well() {
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let mut config = config::Config::defaults();
    config.alert.summary = config::Summary::Daily;
    let bench = Bench { clock, store, config };
    bench.fill("listings", None).await;
    bench.clock.advance(Duration::from_hours(12));
    bench.summaries().look().await.unwrap();
    assert_eq!(bench.subject().await, "[coinpipe] 2026-11-22: 1 snapshot, 73 credits");
}
