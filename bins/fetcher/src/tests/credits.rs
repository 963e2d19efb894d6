//! What a plan pays for: told before the call, warned about, and not exceeded by what could not be paid whole. Against the
//! simulator, which keeps accounts as the API does.

use chrono::TimeDelta;
use config::OverBudget;
use ports::{Clock, QueueName};
use simulator::{Options, Simulator};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Seen, incidents, instant, reasons, run_with};
use crate::testing::{Fetcher, Lab, Server, page, reply};
use service::Waiting;

/// 500 coins in one page, which costs 3 credits.
fn lab(over_budget: OverBudget) -> Lab {
    let mut lab = Lab::new(500, 500);
    lab.settings.over_budget = over_budget;
    lab
}

fn listings(simulator: &Simulator) -> usize {
    simulator.requests().iter().filter(|seen| seen.path.contains("listings")).count()
}

/// Runs the schedule through `slots` slots, of which some may be refused, and stops. What was waited for then.
async fn live_through(lab: &Lab, fetcher: &Fetcher, slots: i64) -> Option<Waiting> {
    let (bell, rung) = mpsc::channel(1);
    let first = instant("2026-11-22T14:00:00Z");
    let mut slot = 0;
    let mut heard = 0;
    let mut waiting = None;
    run_with(fetcher, rung, "the slots", || {
        // A bell that was heard twice found nothing more to do.
        if bell.capacity() == 1 {
            heard += 1;
            if heard % 3 == 0 && slot + 1 < slots {
                slot += 1;
                lab.clock.0.set(first + TimeDelta::hours(slot));
            }
            bell.try_send(()).unwrap();
        }
        waiting = service::waiting(&lab.settings.spool, lab.clock.now());
        heard > 3 * slots
    })
    .await;
    assert_eq!(
        service::waiting(&lab.settings.spool, lab.clock.now()),
        None,
        "a fetcher that has ended waits for nothing"
    );
    waiting
}

#[tokio::test]
async fn a_snapshot_that_the_rest_of_the_month_does_not_pay_for_is_not_asked_for() {
    let lab = lab(OverBudget::Warn);
    let simulator = lab.simulator(Options { credits_monthly: 8, ..Options::default() }).await;
    let running = lab.fetcher_at(&simulator);
    running.know_credits().await;
    let waiting = live_through(&lab, &running, 4).await.unwrap();
    assert_eq!((listings(&simulator), lab.ids(QueueName::Rows).len()), (2, 2));
    let told = incidents(&lab);
    assert!(told.contains(&"credits_short/2026-11-22".to_owned()), "{told:?}");
    let reason =
        reasons(&lab).into_iter().find(|reason| reason.contains("2 credits are left this month")).unwrap();
    assert!(reason.contains("a snapshot costs 3; there are more from 2026-12-01T00:00:00.000Z"), "{reason}");
    assert_eq!((waiting.code.as_str(), waiting.until), ("credits_short", instant("2026-12-01T00:00:00Z")));
    drop(running);
    // What was left of November says nothing about December.
    lab.clock.0.set(instant("2026-12-01T00:00:00Z"));
    let next = lab.fetcher_at(&simulator);
    next.know_credits().await;
    super::run_until(&next, "a snapshot of December", || lab.ids(QueueName::Rows).len() == 3).await;
    let metrics = lab.metrics.render();
    for line in
        ["coinpipe_credits_spent_total 9", "coinpipe_snapshot_credits 3.0", "coinpipe_planned_credits 2160.0"]
    {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn so_is_one_that_the_rest_of_the_day_does_not_pay_for_unless_somebody_allows_it() {
    for (over_budget, asked) in [(OverBudget::Warn, 0), (OverBudget::Refuse, 0), (OverBudget::Allow, 1)] {
        let lab = lab(over_budget);
        let options = Options { credits_daily: Some(2), credits_monthly: 1_000_000, ..Options::default() };
        let simulator = lab.simulator(options).await;
        let once = lab.fetcher_at(&simulator);
        once.know_credits().await;
        let failure =
            once.fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap_err().to_string();
        assert_eq!(listings(&simulator), asked, "{over_budget:?}: {failure}");
        assert!(failure.contains("left today, and a snapshot costs 3") || asked == 1, "{failure}");
    }
}

#[tokio::test]
async fn a_schedule_that_costs_too_much_is_told_once_a_month_or_refused() {
    let plan = || Options { credits_monthly: 2000, ..Options::default() };
    let told = "the schedule costs more than the plan has: 720 snapshots × 3 = 2,160 of 2,000 credits a month: those of the month that begins on 2026-12-01 last until \
                about the 28th of December; `fetch.limit = 400` (1,440) or `fetch.every = 90m` (1,440) fit";
    let warned = lab(OverBudget::Warn);
    let simulator = warned.simulator(plan()).await;
    let running = warned.fetcher_at(&simulator);
    running.know_credits().await;
    live_through(&warned, &running, 2).await;
    assert_eq!((listings(&simulator), reasons(&warned)), (2, vec![told.to_owned()]));

    let refused = lab(OverBudget::Refuse);
    let simulator = refused.simulator(plan()).await;
    let running = refused.fetcher_at(&simulator);
    running.know_credits().await;
    live_through(&refused, &running, 2).await;
    assert_eq!((listings(&simulator), incidents(&refused)), (0, vec!["over_budget/2026-11-22".to_owned()]));
    // One snapshot by hand is no schedule.
    running.fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap();

    let allowed = lab(OverBudget::Allow);
    let simulator = allowed.simulator(plan()).await;
    let running = allowed.fetcher_at(&simulator);
    running.know_credits().await;
    live_through(&allowed, &running, 2).await;
    assert_eq!((listings(&simulator), reasons(&allowed)), (2, Vec::<String>::new()));
}

#[tokio::test]
async fn somebody_is_told_at_eighty_and_at_ninety_five_percent_once_each() {
    let lab = lab(OverBudget::Allow);
    let simulator = lab.simulator(Options { credits_monthly: 60, ..Options::default() }).await;
    let running = lab.fetcher_at(&simulator);
    // Each run publishes what the one before had to say.
    for _ in 1..=20 {
        running.fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap();
        running.know_credits().await;
    }
    // 48 and 57 of 60.
    assert_eq!(incidents(&lab), ["credits_80/month/2026-12-01", "credits_95/month/2026-12-01"]);
    let reasons = reasons(&lab);
    assert_eq!(reasons[0], "80 % of the credits of the month are used: 48 of 60, 12 are left");
    assert_eq!(reasons[1], "95 % of the credits of the month are used: 57 of 60, 3 are left");
}

/// Nobody knows how many coins there are before the first answer.
#[tokio::test]
async fn coins_that_do_not_exist_cost_nothing() {
    let mut lab = Lab::new(20_000, 5000);
    lab.settings.over_budget = OverBudget::Refuse;
    // Of 20,000 coins a month would cost 72,000.
    let simulator = lab.simulator(Options { credits_monthly: 40_000, ..Options::default() }).await;
    let running = lab.fetcher_at(&simulator);
    running.know_credits().await;
    live_through(&lab, &running, 2).await;
    assert_eq!((listings(&simulator), incidents(&lab)), (2, Vec::<String>::new()));
    let metrics = lab.metrics.render();
    for line in ["coinpipe_snapshot_credits 3.0", "coinpipe_planned_credits 2160.0"] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
}

/// Each answer costs, and another snapshot comes after this one.
#[tokio::test]
async fn a_page_is_asked_for_again_when_that_leaves_enough_for_a_snapshot() {
    for (over_budget, credits, asked) in
        [(OverBudget::Warn, 6, 1), (OverBudget::Warn, 7, 2), (OverBudget::Allow, 6, 3)]
    {
        let lab = lab(over_budget);
        let simulator = lab.simulator(Options { credits_monthly: credits, ..Options::default() }).await;
        simulator.set_faults(["short=7".parse().unwrap()]);
        let once = lab.fetcher_at(&simulator);
        once.know_credits().await;
        let fetched = once.fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap();
        assert_eq!((listings(&simulator), fetched.coins), (asked, 7), "{over_budget:?} {credits}");
    }
}

/// The API says itself what it does not give.
#[tokio::test]
async fn what_was_left_long_ago_says_nothing() {
    for (early, later) in
        [("2026-11-22T14:00:00Z", "2026-11-24T14:00:00Z"), ("2026-11-30T23:50:00Z", "2026-12-01T00:00:00Z")]
    {
        let lab = Lab::new(100, 100);
        let no_reset = r#"{"status":{"error_code":0},"data":{"plan":{"credit_limit_monthly":100},
            "usage":{"current_month":{"credits_left":0}}}}"#;
        let info = || reply(200, &["content-type: application/json"], no_reset);
        let server = Server::start([info(), info(), page(100, 100)]).await;
        lab.clock.0.set(instant(early));
        let once = lab.fetcher(&server);
        once.know_credits().await;
        let seen = Seen::default();
        let fetch = || once.fetch_now(&seen, CancellationToken::new());
        assert!(fetch().await.unwrap_err().to_string().contains("0 credits are left this month"));
        lab.clock.0.set(instant(later));
        assert_eq!(fetch().await.unwrap().coins, 100, "{later}");
    }
}
