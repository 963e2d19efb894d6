//! Letters that were settled before somebody wanted to settle them: how many, and of the newest how, when, why, and by whom, as far
//! as the record tells.

use chrono::{DateTime, Utc};
use domain::{header, one_line, timestamp};
use ports::StoreError;
use ports::store::{DeskLetter, LetterFilter, LetterState, LetterSummary, LoggedAction};
use serde_json::Value;
use service::Stores;

use crate::acting::ALL;

/// Actions of the record that are looked at, newest first.
const ACTIONS: u32 = 500;

/// The longest reason that is repeated, in characters.
const LONGEST: usize = 200;

/// Letters that are settled already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledBefore {
    /// How many.
    pub letters: u64,
    /// The one that died last: resolved or dropped.
    pub state: LetterState,
    /// When that was.
    pub at: Option<DateTime<Utc>>,
    /// Why.
    pub why: Option<String>,
    /// Who did it. `None` when the record does not tell: the alerter resolves letters, too, and the record is not kept for ever.
    pub by: Option<String>,
}

impl SettledBefore {
    /// Those of `stores` that `filter` takes, whatever state it asks for; `None` when there are none.
    pub async fn of(stores: &Stores, filter: &LetterFilter) -> Result<Option<Self>, StoreError> {
        let (mut letters, mut newest) = (0, None::<DeskLetter>);
        for state in [LetterState::Resolved, LetterState::Dropped] {
            let filter = LetterFilter { state: Some(state), ..filter.clone() };
            letters += stores.desk.count(&filter, ALL).await?;
            let first = stores.desk.list(&filter, None, 1).await?.pop();
            newest = [newest, first].into_iter().flatten().max_by_key(|letter| letter.summary.filed_at);
        }
        let Some(newest) = newest else { return Ok(None) };
        let by = stores.desk.actions(ACTIONS).await?.into_iter().find(|logged| did(logged, &newest));
        let handling = newest.handling;
        Ok(Some(Self {
            letters,
            state: handling.state,
            at: handling.settled_at,
            why: handling.why,
            by: by.map(|logged| logged.action.who),
        }))
    }

    /// How the newest was settled, in words: `dropped by ann@desk on 2026-11-22T14:00:00.000Z: no use`.
    pub fn told(&self) -> String {
        let by = self.by.as_ref().map(|by| format!(" by {}", one_line(by, LONGEST)));
        let at = self.at.map(|at| format!(" on {}", timestamp::to_text(at)));
        let why = self.why.as_ref().map(|why| format!(": {}", one_line(why, LONGEST)));
        let [by, at, why] = [by, at, why].map(Option::unwrap_or_default);
        format!("{}{by}{at}{why}", self.state)
    }
}

/// Whether it was this action that settled `letter`: of those that may have been, the newest is asked first.
fn did(LoggedAction { at, action, outcome, .. }: &LoggedAction, letter: &DeskLetter) -> bool {
    let (Some(settled_at), Some(why)) = (letter.handling.settled_at, &letter.handling.why) else {
        return false;
    };
    let verb = if letter.handling.state == LetterState::Dropped { "drop" } else { "resolve" };
    // One that was killed has no outcome.
    let is_why = outcome.as_ref().is_none_or(|outcome| outcome.contains(why.as_str()));
    action.verb == verb && *at <= settled_at && is_why && may_take(&action.filter, &letter.summary)
}

/// Whether a filter, as the record has it, may take `letter`. States and texts are passed over.
fn may_take(filter: &str, letter: &LetterSummary) -> bool {
    let Ok(filter) = serde_json::from_str::<Value>(filter) else { return false };
    let text = |name: &str| filter[name].as_str();
    let instant = |name: &str| text(name).and_then(timestamp::from_text);
    let is = |name: &str, value: Option<&str>| text(name).is_none_or(|wanted| value == Some(wanted));
    is("id", Some(letter.id.as_str()))
        && is("group", Some(&letter.fingerprint))
        && is("code", Some(&letter.code))
        && is("class", Some(letter.class.as_str()))
        && is("stage", letter.stage.map(domain::StageName::as_str))
        && is("batch", letter.headers.get(header::BATCH))
        && instant("since").is_none_or(|since| letter.filed_at >= since)
        && instant("until").is_none_or(|until| letter.filed_at < until)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use ports::Clock;
    use testkit::clock::ManualClock;
    use testkit::contract::store::sample::{at, letter};
    use testkit::memory::MemoryStore;
    use tokio_util::sync::CancellationToken;

    use crate::acting::{Acting, Verb};
    use crate::settle::settle;

    use super::*;

    struct Bench {
        clock: Arc<ManualClock>,
        stores: Stores,
    }

    impl Bench {
        async fn of(letters: &[&str]) -> Self {
            let clock = Arc::new(ManualClock::default());
            let stores = Stores::of(Arc::new(MemoryStore::new(clock.clone())));
            for occasion in letters {
                stores.letters.file(&letter(occasion, at(0)), occasion).await.unwrap();
            }
            Self { clock, stores }
        }

        async fn settle(&self, group: &str, verb: Verb, who: &str, why: &str) {
            self.clock.advance(Duration::from_secs(1));
            let now = self.clock.now();
            let mut acting = Acting::plan(&self.stores, of(group), verb, who, now).await.unwrap();
            acting.begin(&self.stores).await.unwrap();
            settle(&self.stores, &mut acting, why, &CancellationToken::new()).await.unwrap();
        }

        async fn told(&self, filter: &LetterFilter) -> Option<(u64, String)> {
            let found = SettledBefore::of(&self.stores, filter).await.unwrap();
            found.map(|found| (found.letters, found.told()))
        }
    }

    fn of(group: &str) -> LetterFilter {
        LetterFilter { group: Some(group.to_owned()), ..LetterFilter::default() }
    }

    #[tokio::test]
    async fn who_settled_a_letter_is_told_with_when_and_why() {
        let bench = Bench::of(&["first", "second", "third"]).await;
        // The same words about another group, a second later, are not about this one.
        bench.settle("first", Verb::Drop, "ann@desk", "no use").await;
        bench.settle("second", Verb::Drop, "bob@desk", "no use").await;
        let told =
            |who: &str, second: u32| format!("dropped by {who} on 2026-11-22T14:00:0{second}.000Z: no use");
        assert_eq!(bench.told(&of("first")).await, Some((1, told("ann@desk", 1))));
        assert_eq!(bench.told(&of("second")).await, Some((1, told("bob@desk", 2))));
        // Whatever state was asked for.
        let open = LetterFilter { state: Some(LetterState::Open), ..of("first") };
        assert_eq!(bench.told(&open).await, Some((1, told("ann@desk", 1))));
        assert_eq!(bench.told(&of("third")).await, None);
        assert_eq!(bench.told(&LetterFilter::default()).await.map(|(letters, _)| letters), Some(2));
    }

    #[tokio::test]
    async fn what_the_record_does_not_tell_is_not_guessed() {
        let bench = Bench::of(&["first"]).await;
        let key = bench.stores.desk.list(&of("first"), None, 1).await.unwrap()[0].key();
        bench.stores.desk.settle(&[key], false, "it arrived").await.unwrap();
        // Of later, and of another verb.
        bench.settle("first", Verb::Resolve, "ann@desk", "it arrived").await;
        let told = "resolved on 2026-11-22T14:00:00.000Z: it arrived".to_owned();
        assert_eq!(bench.told(&of("first")).await, Some((1, told)));
    }
}
