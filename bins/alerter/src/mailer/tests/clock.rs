//! A clock that is set back or ahead makes no storm and no silence.

use super::*;

#[tokio::test]
async fn a_clock_that_was_a_day_ahead_holds_nothing_back_when_it_is_set_right() {
    let bench = Bench::new();
    let right = bench.clock.now();
    bench.clock.advance(Duration::from_hours(30));
    for code in ('a'..='z').map(String::from) {
        bench.letters(&code, 1).await;
        bench.pass(Duration::from_secs(40)).await;
    }
    assert_eq!(bench.taken().len(), 12);
    bench.answer(Some(SendErrorKind::Misconfigured));
    bench.pass(Duration::from_hours(1)).await;
    bench.clock.set(right);
    bench.answer(None);
    bench.pass(Duration::from_mins(10)).await;
    let groups = bench.store.groups(None).await.unwrap();
    assert_eq!(groups.iter().map(|group| group.unsent).sum::<u64>(), 0);
    assert_eq!(bench.trouble().await, MailTrouble::default());
}

#[tokio::test]
async fn a_clock_that_steps_back_an_hour_again_and_again_makes_no_storm() {
    let bench = Bench::new();
    for hour in 0..10 {
        for code in ('a'..='z').map(|cause| format!("{cause}{}", "x".repeat(hour))) {
            bench.letters(&code, 1).await;
            bench.pass(Duration::from_secs(40)).await;
        }
        bench.clock.set(bench.clock.now() - TimeDelta::minutes(55));
    }
    assert!(bench.taken().len() <= 12 + 10, "{} mails in three hours", bench.taken().len());
}
