//! Courses of coins that were read before, for the small drawings of the market. To read a hundred of them takes several times as
//! long as the table around them (decision 33), and they change only with a newer quote, or when the span moves on.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use ports::store::{Divided, MarketRow};

/// How long a course is.
const LENGTH: TimeDelta = TimeDelta::days(7);
/// Its parts: six hours each.
const PARTS: u32 = 28;
/// The span moves on by so much at a time.
const STEP: TimeDelta = TimeDelta::hours(1);
/// So long a course is kept: a backfill, an import or a drop changes it, and no newest quote.
const KEPT: TimeDelta = TimeDelta::minutes(5);
/// Courses that are kept; 450 bytes each. When there are more, all are forgotten.
const MOST: usize = 10_000;

/// Instants and prices, oldest first.
pub(crate) type Course = Arc<[(DateTime<Utc>, f64)]>;

/// The span of a course that is looked at `now`.
pub(crate) fn span(now: DateTime<Utc>) -> Divided {
    // Only an instant thousands of years from now cannot be rounded.
    let until = now.duration_trunc(STEP).unwrap_or(now) + STEP;
    Divided::new(until - LENGTH, until, PARTS)
}

/// Courses that were read.
#[derive(Default)]
pub(crate) struct Courses(Mutex<HashMap<(String, u32), Kept>>);

struct Kept {
    /// When the coin's newest quote was from when it was read, and when its span ended.
    of: (DateTime<Utc>, DateTime<Utc>),
    read_at: DateTime<Utc>,
    course: Course,
}

impl Courses {
    /// The courses of `rows` in `currency` over `span` that were read lately and have no newer quote, and the coins of the others.
    pub(crate) fn split(
        &self,
        rows: &[MarketRow],
        currency: &str,
        span: &Divided,
        now: DateTime<Utc>,
    ) -> (BTreeMap<u32, Course>, Vec<u32>) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut known, mut missing) = (BTreeMap::new(), Vec::new());
        for row in rows {
            let id = row.coin.id;
            let found = kept.get(&(currency.to_owned(), id));
            let is_new = |kept: &&Kept| {
                kept.of == (row.coin.quote.last_updated, span.until)
                    && (TimeDelta::zero()..KEPT).contains(&(now - kept.read_at))
            };
            match found.filter(is_new) {
                Some(kept) => drop(known.insert(id, Arc::clone(&kept.course))),
                None => missing.push(id),
            }
        }
        (known, missing)
    }

    /// Keeps what was read of `rows` over `span`; a coin that is not in `read` has no course.
    pub(crate) fn keep(
        &self,
        rows: &[MarketRow],
        currency: &str,
        span: &Divided,
        now: DateTime<Utc>,
        mut read: BTreeMap<u32, Vec<(DateTime<Utc>, f64)>>,
        missing: &[u32],
    ) -> BTreeMap<u32, Course> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() + missing.len() > MOST {
            kept.clear();
        }
        let mut courses = BTreeMap::new();
        for row in rows.iter().filter(|row| missing.contains(&row.coin.id)) {
            let id = row.coin.id;
            let course: Course = read.remove(&id).unwrap_or_default().into();
            let of = (row.coin.quote.last_updated, span.until);
            kept.insert((currency.to_owned(), id), Kept { of, read_at: now, course: Arc::clone(&course) });
            courses.insert(id, course);
        }
        courses
    }
}

#[cfg(test)]
mod tests {
    use testkit::contract::store::sample;

    use super::*;

    #[test]
    fn the_newest_quotes_are_within_the_span() {
        for now in [sample::at(0), sample::at(1), sample::at(3599)] {
            let Divided { from, until, .. } = span(now);
            assert!(from < now && now < until && until - from == LENGTH, "{now}");
        }
    }
}
