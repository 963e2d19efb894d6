//! What everything has in common that changes letters: which they are, how many, in portions, and the record of who did it.

use std::cmp::Reverse;
use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Class;
use ports::StoreError;
use ports::store::{Action, DeskLetter, LetterFilter, LetterKey, LetterState};
use service::Stores;

use crate::action::action;
use crate::filter_json::filter_json;

/// Letters that are read at a time.
const PORTION: u32 = 200;

/// More than any desk has.
pub(crate) const ALL: u64 = u64::MAX >> 1;

/// What is done to letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Send them again.
    Replay,
    /// Say that nothing is to be done.
    Resolve,
    /// Give them up.
    Drop,
    /// Delete them.
    Purge,
}

impl Verb {
    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Resolve => "resolve",
            Self::Drop => "drop",
            Self::Purge => "purge",
        }
    }

    /// What was done, at the beginning of a sentence.
    pub const fn past(self) -> &'static str {
        match self {
            Self::Replay => "Replayed",
            Self::Resolve => "Resolved",
            Self::Drop => "Dropped",
            Self::Purge => "Deleted",
        }
    }

    /// Whether it ends a letter that nobody ended yet, and passes over others.
    pub(crate) fn settles(self) -> bool {
        matches!(self, Self::Resolve | Self::Drop)
    }
}

/// Letters that are about to be changed.
#[derive(Debug)]
pub struct Acting {
    verb: Verb,
    filter: LetterFilter,
    /// What is left to be read, one after the other.
    rest: VecDeque<LetterFilter>,
    after: Option<LetterKey>,
    action: Action,
    already: u64,
    without_message: u64,
}

impl Acting {
    /// The letters of `stores` that `filter` takes, as they are `now`: what is filed later is left alone. Nothing is changed.
    pub async fn plan(
        stores: &Stores,
        mut filter: LetterFilter,
        verb: Verb,
        who: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        // What is there when it is asked for. A letter of this millisecond is.
        let asked_at = now + TimeDelta::milliseconds(1);
        filter.until = Some(filter.until.map_or(asked_at, |until| until.min(asked_at)));
        let in_states = |states: [LetterState; 2]| {
            let is_meant = |state: &LetterState| filter.state.is_none_or(|meant| meant == *state);
            let of = |state| LetterFilter { state: Some(state), ..filter.clone() };
            states.into_iter().filter(is_meant).map(of).collect::<VecDeque<_>>()
        };
        let rest = if verb.settles() {
            in_states([LetterState::Open, LetterState::Replayed])
        } else {
            [filter.clone()].into()
        };
        let matched = count(stores, &rest).await?;
        let already = if verb.settles() {
            count(stores, &in_states([LetterState::Resolved, LetterState::Dropped])).await?
        } else {
            0
        };
        let incidents = LetterFilter { class: Some(Class::Incident), ..filter.clone() };
        let are_meant = verb == Verb::Replay && filter.class.is_none_or(|class| class == Class::Incident);
        let without_message = if are_meant { stores.desk.count(&incidents, ALL).await? } else { 0 };
        let action = action(verb.as_str(), &filter_json(&filter), matched, who, now);
        Ok(Self { verb, filter, rest, after: None, action, already, without_message })
    }

    /// The same under the id `id`, which was made when the question was shown.
    #[must_use]
    pub fn called(mut self, id: &str) -> Self {
        id.clone_into(&mut self.action.id);
        self
    }

    /// Writes down that it begins.
    pub async fn begin(&self, stores: &Stores) -> Result<(), StoreError> {
        stores.desk.begin(&self.action).await
    }

    /// The id of the action.
    pub fn id(&self) -> &str {
        &self.action.id
    }

    /// What is done.
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// How many letters there are to change.
    pub fn matched(&self) -> u64 {
        self.action.matched
    }

    /// How many the filter takes besides that are resolved or dropped already, and so stay as they are.
    pub fn already(&self) -> u64 {
        self.already
    }

    /// Of a replay: how many of those that matched are incidents, which have no message that could be sent.
    pub fn without_message(&self) -> u64 {
        self.without_message
    }

    /// To how many of those that matched it can be done.
    pub fn possible(&self) -> u64 {
        // They were counted one after the other.
        self.matched().saturating_sub(self.without_message)
    }

    /// Which letters they are.
    pub fn filter(&self) -> &LetterFilter {
        &self.filter
    }

    /// The first `most` of the letters to which it can be done.
    pub async fn first(&self, stores: &Stores, most: u32) -> Result<Vec<DeskLetter>, StoreError> {
        let of_classes = |filter: &LetterFilter| -> Vec<LetterFilter> {
            if self.without_message == 0 {
                return vec![filter.clone()];
            }
            let is_meant =
                |class: &Class| *class != Class::Incident && filter.class.is_none_or(|meant| meant == *class);
            let of = |class| LetterFilter { class: Some(class), ..filter.clone() };
            Class::ALL.into_iter().filter(is_meant).map(of).collect()
        };
        let mut letters = Vec::new();
        for filter in self.rest.iter().flat_map(of_classes) {
            letters.extend(stores.desk.list(&filter, None, most).await?);
        }
        letters
            .sort_by_cached_key(|letter| Reverse((letter.summary.filed_at, letter.summary.id.to_string())));
        letters.truncate(most as usize);
        Ok(letters)
    }

    /// The next letters; none at the end.
    pub async fn next(&mut self, stores: &Stores) -> Result<Vec<DeskLetter>, StoreError> {
        while let Some(filter) = self.rest.front() {
            let page = stores.desk.list(filter, self.after.as_ref(), PORTION).await?;
            if let Some(last) = page.last() {
                self.after = Some(last.key());
                return Ok(page);
            }
            self.rest.pop_front();
            self.after = None;
        }
        Ok(Vec::new())
    }

    /// Writes down to how many letters it was done so far.
    pub async fn note(&self, stores: &Stores, done: u64) -> Result<(), StoreError> {
        stores.desk.note(self.id(), done, None).await
    }

    /// Writes down how it went: to how many letters it was done, and how it ended.
    pub async fn end(&self, stores: &Stores, done: u64, outcome: &str) -> Result<(), StoreError> {
        stores.desk.note(self.id(), done, Some(outcome)).await
    }
}

async fn count(stores: &Stores, filters: &VecDeque<LetterFilter>) -> Result<u64, StoreError> {
    let mut letters = 0;
    for filter in filters {
        letters += stores.desk.count(filter, ALL).await?;
    }
    Ok(letters)
}
