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
/// Courses that are kept; 450 bytes each. When there are more, all are forgotten.
const MOST: usize = 10_000;

/// Instants and prices, oldest first.
pub(crate) type Course = Arc<[(DateTime<Utc>, f64)]>;

/// The span of a course that is looked at `now`.
pub(crate) fn span(now: DateTime<Utc>) -> Divided {
    // Only an instant thousands of years from now cannot be rounded.
    let until = now.duration_trunc(STEP).unwrap_or(now) + STEP;
    Divided { from: until - LENGTH, until, parts: PARTS }
}

/// Courses that were read.
#[derive(Default)]
pub(crate) struct Courses(Mutex<HashMap<(String, u32), Kept>>);

struct Kept {
    /// When the coin's newest quote was from when it was read, and when its span ended.
    of: (DateTime<Utc>, DateTime<Utc>),
    course: Course,
}

impl Courses {
    /// The courses of `rows` in `currency` over `span` that are as they would be read now, and the coins of the others.
    pub(crate) fn split(
        &self,
        rows: &[MarketRow],
        currency: &str,
        span: &Divided,
    ) -> (BTreeMap<u32, Course>, Vec<u32>) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut known, mut missing) = (BTreeMap::new(), Vec::new());
        for row in rows {
            let id = row.coin.id;
            let found = kept.get(&(currency.to_owned(), id));
            match found.filter(|kept| kept.of == (row.coin.quote.last_updated, span.until)) {
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
            kept.insert((currency.to_owned(), id), Kept { of, course: Arc::clone(&course) });
            courses.insert(id, course);
        }
        courses
    }
}

#[cfg(test)]
mod tests {
    use ports::store::{Browse, MarketColumn, MarketQuery, MarketSort, Start};
    use testkit::contract::store::sample;

    use super::*;
    use crate::testing::{Site, coins};

    async fn market(site: &Site) -> Vec<MarketRow> {
        let sort = MarketSort { by: MarketColumn::Name, descending: false };
        let query = MarketQuery {
            currency: "USD".to_owned(),
            listed_only: true,
            search: None,
            sort,
            start: Start::Row(0),
            limit: 10,
        };
        site.store.market(&query).await.expect("the store is there").rows
    }

    #[tokio::test]
    async fn a_course_is_read_again_when_it_has_changed_and_not_before() {
        let site = Site::new();
        site.load(coins(3)).await;
        let (courses, now) = (Courses::default(), sample::at(0));
        let rows = market(&site).await;
        let (known, missing) = courses.split(&rows, "USD", &span(now));
        assert!(known.is_empty() && missing.len() == 3);
        let read = BTreeMap::from([(1, vec![(now, 1.0), (now, 2.0)]), (2, vec![(now, 3.0)])]);
        let kept = courses.keep(&rows, "USD", &span(now), read, &missing);
        assert_eq!((kept[&1].len(), kept[&2].len(), kept[&3].len()), (2, 1, 0));
        // Within the hour nothing is missing, in this currency.
        let (known, missing) = courses.split(&rows, "USD", &span(now + TimeDelta::minutes(59)));
        assert!(known == kept && missing.is_empty());
        assert_eq!(courses.split(&rows, "EUR", &span(now)).1.len(), 3);
        assert_eq!(courses.split(&rows, "USD", &span(now + STEP)).1.len(), 3);
        // One of them has a newer quote.
        let mut newer = coins(3);
        for quote in &mut newer[1].quotes {
            quote.last_updated += TimeDelta::seconds(30);
        }
        site.load(newer).await;
        assert_eq!(courses.split(&market(&site).await, "USD", &span(now)).1, [2]);
    }

    #[test]
    fn the_newest_quotes_are_within_the_span() {
        for now in [sample::at(0), sample::at(1), sample::at(3599)] {
            let Divided { from, until, .. } = span(now);
            assert!(from < now && now < until && until - from == LENGTH, "{now}");
        }
    }
}
