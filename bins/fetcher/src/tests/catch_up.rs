//! Slots that were missed are filled from the history, after the slot that is due, and for no credits that it needs.

use chrono::TimeDelta;
use config::CatchUp;
use domain::{Origin, PageMeta, endpoint, header, wire};
use ports::QueueName;
use simulator::{Options, Simulator};

use super::{crash, incidents, instant, reasons, run_idle, run_until};
use crate::testing::{Lab, until};

/// Hourly, 200 coins in one page; a gap is filled in two calls.
fn lab(catch_up: CatchUp) -> Lab {
    let mut lab = Lab::new(200, 200);
    lab.settings.catch_up = catch_up;
    lab
}

/// A snapshot at 14:00, and then nothing for `hours` hours.
async fn away(lab: &Lab, simulator: &Simulator, hours: i64) {
    run_until(&lab.fetcher_at(simulator), "a snapshot", || announced(lab) == 1).await;
    lab.clock.0.set(instant("2026-11-22T14:00:00Z") + TimeDelta::hours(hours + 1));
}

fn calls(simulator: &Simulator) -> Vec<String> {
    let seen = simulator.requests().into_iter();
    seen.filter(|seen| seen.path.contains("historical")).map(|seen| seen.query).collect()
}

/// How many snapshots were announced.
fn announced(lab: &Lab) -> usize {
    lab.ids(QueueName::Rows).iter().filter(|id| id.ends_with("/fetched")).count()
}

/// The slots that were filled, and what the announcements say that it cost.
fn filled(lab: &Lab) -> (Vec<String>, u32) {
    let mut credits = 0;
    let mut slots = Vec::new();
    for message in lab.queue.messages(QueueName::Rows) {
        // The schedule is announced there, too.
        let Ok(wire::RowsMessage::Fetched(fetched)) = wire::decode(&message.body) else { continue };
        if fetched.endpoint == endpoint::HISTORY {
            assert_eq!((fetched.pages, fetched.verdict), (2, None), "{}", fetched.batch);
            credits += fetched.credits;
            slots.push(fetched.slot.to_string());
        }
    }
    (slots, credits)
}

#[tokio::test]
async fn thirty_hours_are_filled_after_the_slot_that_is_due_and_once() {
    let lab = lab(CatchUp::All);
    let simulator = lab.simulator(Options::default()).await;
    away(&lab, &simulator, 30).await;
    let back = lab.fetcher_at(&simulator);
    back.know_credits().await;
    run_until(&back, "every hour", || announced(&lab) == 32).await;
    let (slots, credits) = filled(&lab);
    assert_eq!(credits, 60);
    assert_eq!(
        (slots.len(), slots[0].as_str(), slots[29].as_str()),
        (30, "2026-11-22T15:00:00Z", "2026-11-23T20:00:00Z")
    );
    let paths: Vec<_> = simulator.requests().into_iter().map(|seen| seen.path).collect();
    assert!(
        paths.iter().rposition(|path| path.contains("listings"))
            < paths.iter().position(|path| path.contains("historical")),
        "{paths:?}"
    );
    assert_eq!(calls(&simulator).len(), 2);
    for page in lab.queue.messages(QueueName::Raw) {
        let meta = PageMeta::from_headers(&page.headers).unwrap();
        if meta.is_history() {
            assert_eq!(
                (meta.origin, meta.fetched_at, meta.pages),
                (Origin::Backfill, meta.slot.starts_at(), 2)
            );
            let received_at = page.headers.get(header::RECEIVED_AT).unwrap();
            assert!(received_at.starts_with("2026-11-23T21:"), "{received_at}");
        }
    }
    drop(back);
    run_idle(&lab.fetcher_at(&simulator)).await;
    assert_eq!((calls(&simulator).len(), lab.waiting().len()), (2, 0));
}

#[tokio::test]
async fn the_last_or_none_is_filled_where_the_settings_say_so() {
    for (catch_up, expected) in [(CatchUp::Last, vec!["2026-11-22T17:00:00Z"]), (CatchUp::None, vec![])] {
        let lab = lab(catch_up);
        let simulator = lab.simulator(Options::default()).await;
        away(&lab, &simulator, 3).await;
        run_until(&lab.fetcher_at(&simulator), "what is wanted", || announced(&lab) == 2 + expected.len())
            .await;
        run_idle(&lab.fetcher_at(&simulator)).await;
        assert_eq!(filled(&lab).0, expected, "{catch_up:?}");
    }
}

/// Whenever it dies, what was paid for is not paid for again, and nothing stays missing.
#[tokio::test]
async fn a_fetcher_that_dies_while_it_fills_a_gap_goes_on() {
    let lab = lab(CatchUp::All);
    let simulator = lab.simulator(Options::default()).await;
    away(&lab, &simulator, 5).await;
    let dying = lab.fetcher_at(&simulator);
    crash(&dying, until("the first answer", || pages(&lab) >= 5)).await;
    drop(dying);
    run_until(&lab.fetcher_at(&simulator), "every hour", || announced(&lab) == 7).await;
    assert_eq!(filled(&lab).0.len(), 5);
    let calls = calls(&simulator);
    assert!(calls.len() <= 3 && calls.iter().filter(|call| **call == calls[0]).count() == 1, "{calls:?}");
}

/// Pages of the past in the spool.
fn pages(lab: &Lab) -> usize {
    let of_past = lab.waiting().into_iter().filter(|name| name.contains("history"));
    of_past
        .map(|name| {
            std::fs::read_dir(lab.settings.spool.join("batches").join(name))
                .map_or(0, Iterator::count)
                .saturating_sub(1)
        })
        .sum()
}

#[tokio::test]
async fn what_the_snapshots_to_come_need_is_not_spent_on_gaps() {
    let lab = lab(CatchUp::All);
    // 27 November, 00:00: 4 days to the month's end, 96 snapshots, one of which is taken before it is looked at.
    lab.clock.0.set(instant("2026-11-26T20:00:00Z"));
    let simulator = lab.simulator(Options { credits_monthly: 2 + 95 + 5, ..Options::default() }).await;
    run_until(&lab.fetcher_at(&simulator), "a snapshot", || announced(&lab) == 1).await;
    lab.clock.0.set(instant("2026-11-27T00:00:00Z"));
    let back = lab.fetcher_at(&simulator);
    back.know_credits().await;
    let is_told = || incidents(&lab).contains(&"gap_unpaid/2026-12-01".to_owned());
    run_until(&back, "what can be paid for", || announced(&lab) == 4 && is_told()).await;
    // Two credits an hour, and five to spare: the newest two of three.
    assert_eq!(filled(&lab), (vec!["2026-11-26T22:00:00Z".to_owned(), "2026-11-26T23:00:00Z".to_owned()], 4));
    let reason = reasons(&lab).into_iter().find(|reason| reason.contains("missed slots")).unwrap();
    assert!(reason.starts_with("1 missed slots are not filled yet"), "{reason}");
}

/// What was known before it slept, or of the month before, says nothing: it is asked for again before anything is spent.
#[tokio::test]
async fn after_a_long_sleep_the_snapshots_to_come_are_paid_for_first_too() {
    for (slept_at, woke_at, month, expected) in [
        // 4 days to the month's end: 95 snapshots after that of midnight, and five credits to spare.
        ("2026-11-24T23:00:00Z", "2026-11-27T00:00:00Z", 1 + 1 + 95 + 5, 2),
        // A month of 31 days has begun: 743 snapshots after this one.
        ("2026-11-30T20:00:00Z", "2026-12-01T00:00:00Z", 1 + 743 + 5, 2),
    ] {
        let lab = lab(CatchUp::All);
        lab.clock.0.set(instant(slept_at));
        let simulator = lab.simulator(Options { credits_monthly: month, ..Options::default() }).await;
        let running = lab.fetcher_at(&simulator);
        running.know_credits().await;
        run_until(&running, "a snapshot", || announced(&lab) == 1).await;
        lab.clock.0.set(instant(woke_at));
        let is_told = || incidents(&lab).iter().any(|letter| letter.starts_with("gap_unpaid/"));
        run_until(&running, "what can be paid for", || announced(&lab) == 2 + expected && is_told()).await;
        assert_eq!(filled(&lab).1, 2 * u32::try_from(expected).unwrap(), "{woke_at}");
    }
}

#[tokio::test]
async fn what_the_plan_refuses_is_told_once_and_left() {
    let lab = lab(CatchUp::All);
    let simulator = lab.simulator(Options { history_hours: 1, ..Options::default() }).await;
    away(&lab, &simulator, 40).await;
    run_until(&lab.fetcher_at(&simulator), "a letter", || {
        incidents(&lab).iter().any(|letter| letter.starts_with("gap_refused/"))
    })
    .await;
    run_idle(&lab.fetcher_at(&simulator)).await;
    assert_eq!(calls(&simulator).len(), 1);
    // That slots were missed is another letter.
    let mut reasons = reasons(&lab);
    reasons.retain(|reason| reason.contains("missed slots are not filled"));
    assert!(
        reasons.len() == 1
            && reasons[0].contains("40 missed slots are not filled")
            && reasons[0].contains("the free plan has a month of hours"),
        "{reasons:?}"
    );
    assert_eq!((filled(&lab).0.len(), lab.waiting().len()), (0, 0));
}

#[tokio::test]
async fn a_limit_is_waited_out() {
    let lab = lab(CatchUp::All);
    let simulator = lab.simulator(Options { rate_limit_minute: 1, ..Options::default() }).await;
    away(&lab, &simulator, 3).await;
    let back = lab.fetcher_at(&simulator);
    back.know_credits().await;
    run_until(&back, "every hour", || announced(&lab) == 5).await;
    assert_eq!(filled(&lab).0.len(), 3);
}

/// The leaders' note tells that another fetcher pays for the gap.
#[tokio::test]
async fn a_gap_that_another_fetcher_was_filling_is_left_to_it_and_told_of() {
    let lab = lab(CatchUp::All);
    let simulator = lab.simulator(Options::default()).await;
    away(&lab, &simulator, 3).await;
    let dying = lab.fetcher_at(&simulator);
    crash(&dying, until("the first call", || calls(&simulator).len() == 1)).await;
    drop(dying);
    let paid = calls(&simulator).len();
    let mut other = super::leader::another(&lab, "other");
    other.settings.catch_up = CatchUp::All;
    for hours in 1..=3 {
        lab.clock.0.set(instant("2026-11-22T18:00:00Z") + TimeDelta::hours(hours));
        run_idle(&other.fetcher_at(&simulator)).await;
    }
    assert_eq!(calls(&simulator).len(), paid);
    let told = incidents(&lab);
    assert!(
        told.iter().any(|letter| letter.starts_with("gap_left/2026-11-22T15:00:00Z to 2026-11-22T17:00:00Z")),
        "{told:?}"
    );
}
