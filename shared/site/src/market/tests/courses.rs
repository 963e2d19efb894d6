//! Courses that were read are kept for as long as they are true.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use ports::store::{Browse, MarketColumn, MarketQuery, MarketRow, MarketSort, Start};
use testkit::contract::store::sample;

use crate::courses::{Courses, span};
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
    let (known, missing) = courses.split(&rows, "USD", &span(now), now);
    assert!(known.is_empty() && missing.len() == 3);
    let read = BTreeMap::from([(1, vec![(now, 1.0), (now, 2.0)]), (2, vec![(now, 3.0)])]);
    let kept = courses.keep(&rows, "USD", &span(now), now, read, &missing);
    assert_eq!((kept[&1].len(), kept[&2].len(), kept[&3].len()), (2, 1, 0));
    // Within the hour nothing is missing, in this currency.
    let (known, missing) = courses.split(&rows, "USD", &span(now + TimeDelta::minutes(59)), now);
    assert!(known == kept && missing.is_empty());
    assert_eq!(courses.split(&rows, "EUR", &span(now), now).1.len(), 3);
    assert_eq!(courses.split(&rows, "USD", &span(now + TimeDelta::hours(1)), now).1.len(), 3);
    // A backfill changes them, and no newest quote: after some minutes they are read again.
    let minutes =
        |minutes| courses.split(&rows, "USD", &span(now), now + TimeDelta::minutes(minutes)).1.len();
    assert_eq!((minutes(4), minutes(5), minutes(-1)), (0, 3, 3));
    // One of them has a newer quote.
    let mut newer = coins(3);
    for quote in &mut newer[1].quotes {
        quote.last_updated += TimeDelta::seconds(30);
    }
    site.load(newer).await;
    assert_eq!(courses.split(&market(&site).await, "USD", &span(now), now).1, [2]);
}
