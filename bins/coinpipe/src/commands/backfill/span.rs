//! Which slots a span has that can be filled.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Slot, timestamp};
use service::Usage;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// The API may answer with what it knew five minutes ago.
const HOUR_IS_READY: TimeDelta = TimeDelta::minutes(5);
/// The API has a day half an hour after its end.
const DAY_IS_READY: TimeDelta = TimeDelta::minutes(30);
/// Hours of a year, and more.
const MOST: usize = 10_000;

/// A span of time, as far as it lies before the newest snapshot: what is filled is never newer than what was fetched live.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl Span {
    /// From `from` to before `to`, or to the snapshot that was fetched at `newest`, whichever is earlier.
    pub(super) fn new(
        from: DateTime<Utc>,
        to: Option<DateTime<Utc>>,
        newest: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Self, Usage> {
        if let Some(to) = to.filter(|to| from >= *to) {
            let (from, to) = (timestamp::to_text(from), timestamp::to_text(to));
            return Err(Usage(format!("--to {to} is not after {from}: the span is empty")));
        }
        if from >= newest {
            let (from, newest) = (timestamp::to_text(from), timestamp::to_text(newest));
            return Err(Usage(format!(
                "--from {from} is not before the newest snapshot, which was fetched at {newest}: there is no gap"
            )));
        }
        let to = to.unwrap_or(newest).min(newest);
        Ok(Self { from, to, now })
    }

    /// The hours that a schedule has which takes a snapshot `every` so often.
    pub(super) fn hours(self, every: Duration) -> Result<BTreeSet<Slot>, Usage> {
        let is_whole = every.as_secs().is_multiple_of(HOUR.as_secs()) && every >= HOUR;
        self.slots(if is_whole { every } else { HOUR }, HOUR_IS_READY)
    }

    /// The midnights at which days ended.
    pub(super) fn days(self) -> Result<BTreeSet<Slot>, Usage> {
        self.slots(DAY, DAY_IS_READY)
    }

    /// From when to before when.
    pub(super) fn bounds(self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.from, self.to)
    }

    fn slots(self, step: Duration, ready: TimeDelta) -> Result<BTreeSet<Slot>, Usage> {
        let first = Slot::current(self.from, step).starts_at();
        let all =
            (0..).map_while(|number| step.checked_mul(number).map(|after| timestamp::later(first, after)));
        let before = all.take_while(|at| *at < self.to && *at + ready <= self.now);
        let slots: BTreeSet<_> = before.filter(|at| *at >= self.from).map(Slot::at).take(MOST + 1).collect();
        if slots.len() > MOST {
            return Err(Usage(format!(
                "the span has more than {MOST} slots, which are filled at once at most; begin later"
            )));
        }
        Ok(slots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        timestamp::from_text(text).unwrap()
    }

    fn span(from: &str, to: Option<&str>) -> Result<Span, Usage> {
        Span::new(at(from), to.map(at), at("2026-11-22T14:00:07Z"), at("2026-11-22T14:04:00Z"))
    }

    fn check(from: &str, to: Option<&str>, every: u64, expected: &[&str]) {
        let found = span(from, to).unwrap().hours(Duration::from_mins(every)).unwrap();
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{from} {to:?} {every}");
    }

    #[test]
    fn a_span_has_the_hours_of_the_schedule_that_are_over_before_the_newest_snapshot() {
        let [twelve, thirteen] = ["2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z"];
        check("2026-11-22T11:30:00Z", None, 60, &[twelve, thirteen]);
        check("2026-11-22T12:00:00Z", Some("2026-11-22T13:00:00Z"), 60, &[twelve]);
        check("2026-11-22T12:00:00Z", Some("2026-11-23T00:00:00Z"), 30, &[twelve, thirteen]);
        check("2026-11-22T11:30:00Z", None, 120, &[twelve]);
        check("2026-11-22T13:30:00Z", None, 60, &[]);
    }

    #[test]
    fn days_are_their_ends() {
        let found = span("2026-11-20T12:00:00Z", None).unwrap().days().unwrap();
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"]);
        let early = Span { now: at("2026-11-22T00:29:59Z"), ..span("2026-11-21T12:00:00Z", None).unwrap() };
        assert!(early.days().unwrap().is_empty());
    }

    #[test]
    fn more_than_can_be_filled_is_not_cut_without_a_word() {
        let long = span("2025-09-01T00:00:00Z", None).unwrap();
        assert!(long.hours(HOUR).unwrap_err().0.contains("more than 10000 slots"));
        assert_eq!(long.days().unwrap().len(), 448);
    }

    #[test]
    fn an_empty_span_is_a_mistake() {
        assert!(span("2026-11-22T12:00:00Z", Some("2026-11-22T12:00:00Z")).is_err());
        assert!(span("2026-11-22T14:30:00Z", None).is_err());
    }
}
