//! When a slot is due. clokwerk rings at each one; which slot that is, and whether it still has to be
//! fetched, is decided by the clock and by what is done already.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clokwerk::{AsyncScheduler, Interval};
use domain::Slot;
use ports::Clock;
use tokio::sync::mpsc;

/// How often clokwerk is asked whether it is time.
const LOOK: Duration = Duration::from_millis(250);

/// Gives out each slot once.
///
/// # Guarantees
/// - Slots that were missed, for whatever reason, coalesce to the newest.
/// - Set back, the clock passes slots that are done without giving them out again; set forward by mistake
///   and back again, it does not have to catch up with the future first.
#[derive(Debug)]
pub(crate) struct Ticker {
    every: Duration,
    done: VecDeque<Slot>,
}

impl Ticker {
    /// Slots that are remembered.
    const MOST_DONE: usize = 512;

    /// A schedule on which `done` has been fetched before.
    pub(crate) fn new(every: Duration, done: impl IntoIterator<Item = Slot>) -> Self {
        let mut ticker = Self { every, done: VecDeque::new() };
        done.into_iter().for_each(|slot| ticker.remember(slot));
        ticker
    }

    /// The slot to fetch at `now`, if any.
    pub(crate) fn due(&mut self, now: DateTime<Utc>) -> Option<Slot> {
        let slot = Slot::current(now, self.every);
        if self.covers(slot, now) {
            return None;
        }
        self.remember(slot);
        Some(slot)
    }

    /// Whether `slot`, the one of `now`, is done: itself, or a snapshot taken within it. What is dated
    /// after `now` was made under a clock that went wrong and does not count.
    fn covers(&self, slot: Slot, now: DateTime<Utc>) -> bool {
        self.done.iter().any(|&done| slot <= done && done.starts_at() <= now)
    }

    fn remember(&mut self, slot: Slot) {
        if self.done.len() == Self::MOST_DONE {
            self.done.pop_front();
        }
        self.done.push_back(slot);
    }
}

/// When the slot after `slot` begins.
pub(crate) fn end_of(slot: Slot, every: Duration) -> DateTime<Utc> {
    let every = TimeDelta::from_std(every).unwrap_or(TimeDelta::MAX);
    slot.starts_at().checked_add_signed(every).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Rings `bell` at the beginning of each slot, for ever. A bell that still rings is not rung again.
pub(crate) async fn ring(every: Duration, clock: Arc<dyn Clock>, bell: mpsc::Sender<()>) {
    let mut scheduler = scheduler(every, &bell);
    let mut before = clock.now();
    loop {
        scheduler.run_pending().await;
        clock.sleep(LOOK).await;
        let now = clock.now();
        if now < before {
            // clokwerk has fixed its next run and would be silent until a clock that was set back has
            // caught up.
            scheduler = self::scheduler(every, &bell);
        }
        before = now;
    }
}

/// In UTC: in a zone with summer time clokwerk panics. Its job only rings, as a job that takes long or
/// panics would stop all others.
fn scheduler(every: Duration, bell: &mpsc::Sender<()>) -> AsyncScheduler<Utc> {
    let seconds = u32::try_from(every.as_secs()).unwrap_or(u32::MAX).max(1);
    let mut scheduler = AsyncScheduler::with_tz(Utc);
    let bell = bell.clone();
    scheduler.every(Interval::Seconds(seconds)).run(move || {
        // Full: it rings already.
        let _ = bell.try_send(());
        std::future::ready(())
    });
    scheduler
}

#[cfg(test)]
mod tests {
    use domain::timestamp;
    use ports::SystemClock;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn instant(text: &str) -> DateTime<Utc> {
        timestamp::from_text(text).unwrap()
    }

    fn slot(text: &str) -> Slot {
        Slot::at(instant(text))
    }

    /// Each line: the time that the clock shows, and the slot that is then given out.
    fn check(done: &[&str], ticks: &[(&str, Option<&str>)]) {
        let mut ticker = Ticker::new(HOUR, done.iter().map(|text| slot(text)));
        for (now, expected) in ticks {
            assert_eq!(ticker.due(instant(now)), expected.map(slot), "at {now}");
        }
    }

    #[test]
    fn each_slot_is_given_out_once_and_the_first_at_once() {
        check(
            &[],
            &[
                ("2026-11-22T14:30:00Z", Some("2026-11-22T14:00:00Z")),
                ("2026-11-22T14:59:59.999Z", None),
                ("2026-11-22T15:00:00Z", Some("2026-11-22T15:00:00Z")),
                ("2026-11-22T15:00:00Z", None),
            ],
        );
    }

    #[test]
    fn a_slot_that_was_done_before_the_start_is_not_done_again() {
        let next = ("2026-11-22T15:00:00Z", Some("2026-11-22T15:00:00Z"));
        check(&["2026-11-22T14:00:00Z"], &[("2026-11-22T14:30:00Z", None), next]);
        // A snapshot by hand within the slot.
        check(&["2026-11-22T14:23:11Z"], &[("2026-11-22T14:30:00Z", None), next]);
        // An old one.
        check(
            &["2026-11-22T13:59:59Z"],
            &[("2026-11-22T14:30:00Z", Some("2026-11-22T14:00:00Z")), ("2026-11-22T14:31:00Z", None)],
        );
    }

    #[test]
    fn missed_slots_coalesce_to_the_newest() {
        check(
            &["2026-11-22T14:00:00Z"],
            &[("2026-11-25T09:10:00Z", Some("2026-11-25T09:00:00Z")), ("2026-11-25T09:11:00Z", None)],
        );
    }

    #[test]
    fn a_clock_set_back_an_hour_pays_for_nothing_twice() {
        check(
            &[],
            &[
                ("2026-11-22T13:10:00Z", Some("2026-11-22T13:00:00Z")),
                ("2026-11-22T14:10:00Z", Some("2026-11-22T14:00:00Z")),
                ("2026-11-22T13:10:00Z", None),
                ("2026-11-22T14:10:00Z", None),
                ("2026-11-22T15:00:00Z", Some("2026-11-22T15:00:00Z")),
            ],
        );
    }

    #[test]
    fn a_clock_set_forward_a_day_and_back_does_not_stop_the_schedule() {
        check(
            &[],
            &[
                ("2026-11-22T14:10:00Z", Some("2026-11-22T14:00:00Z")),
                ("2026-11-23T14:20:00Z", Some("2026-11-23T14:00:00Z")),
                ("2026-11-22T14:30:00Z", None),
                ("2026-11-22T15:00:00Z", Some("2026-11-22T15:00:00Z")),
                ("2026-11-23T14:40:00Z", None),
            ],
        );
    }

    #[test]
    fn summer_time_and_the_ends_of_the_calendar_are_slots_like_others() {
        // Clocks in Europe go from 03:00 back to 02:00 local time at 01:00 UTC.
        check(
            &[],
            &[
                ("2026-10-25T00:59:59Z", Some("2026-10-25T00:00:00Z")),
                ("2026-10-25T01:00:00Z", Some("2026-10-25T01:00:00Z")),
                ("2026-10-25T02:00:00Z", Some("2026-10-25T02:00:00Z")),
            ],
        );
        let mut ticker = Ticker::new(Duration::MAX, []);
        let far = DateTime::<Utc>::MAX_UTC;
        assert!(ticker.due(far).is_some());
        assert_eq!(end_of(Slot::at(far), HOUR), far);
    }

    #[tokio::test]
    async fn clokwerk_rings_at_the_next_slot() {
        let (bell, mut rung) = mpsc::channel(1);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ringing = ring(Duration::from_secs(1), clock, bell);
        let heard = tokio::time::timeout(Duration::from_secs(30), rung.recv());
        tokio::select! {
            () = ringing => unreachable!("it rings for ever"),
            heard = heard => assert_eq!(heard.expect("no ring within 30 s"), Some(())),
        }
    }

    #[tokio::test]
    async fn a_bell_that_nobody_hears_is_rung_once() {
        let (bell, mut rung) = mpsc::channel(1);
        let mut scheduler = scheduler(Duration::from_secs(1), &bell);
        bell.try_send(()).unwrap();
        scheduler.run_pending().await;
        rung.recv().await.unwrap();
        assert!(rung.try_recv().is_err());
    }
}
