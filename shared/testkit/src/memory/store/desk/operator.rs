//! The operator's side of the desk in memory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{BatchId, DeadLetter, ReplayId, header, timestamp};
use ports::store::{
    Action, Death, Desk as DeskPort, DeskLetter, FiledLetter, GroupState, Handling, HourOfGroup, Kept,
    LetterFilter, LetterKey, LetterState, LoggedAction, StoreError, Unsettled,
};

use super::{Desk, MemoryStore, summary};

impl Desk {
    /// Notes that a letter died: it is open.
    pub(super) fn reopen(&mut self, id: &str) {
        let open = Handling {
            state: LetterState::Open,
            settled_at: None,
            why: None,
            replay: None,
            replayed_at: None,
            edited_from: None,
        };
        let handling = self.handling.entry(id.to_owned()).or_insert_with(|| open.clone());
        (handling.state, handling.settled_at, handling.why) = (open.state, open.settled_at, open.why);
    }

    /// What was done about the letter at `key`, if it did not die again.
    fn seen(&mut self, key: &LetterKey) -> Option<&mut Handling> {
        let is_same = self.letters.get(&key.id).is_some_and(|filed| filed.filed_at == key.filed_at);
        self.handling.get_mut(&key.id).filter(|_| is_same)
    }

    fn settle(&mut self, key: &LetterKey, state: LetterState, why: &str, now: DateTime<Utc>) -> bool {
        let found = self.seen(key).filter(|handling| !handling.state.is_settled());
        let settled = found.map(|handling| {
            handling.state = state;
            (handling.settled_at, handling.why) = (Some(now), Some(why.to_owned()));
        });
        settled.is_some()
    }

    /// The letters that `filter` takes, in the order of the list.
    fn taken(&self, filter: &LetterFilter) -> Vec<DeskLetter> {
        let letters = self.letters.values().filter_map(|filed| {
            let handling = self.handling.get(filed.letter.id.as_str())?;
            takes(filter, filed, handling)
                .then(|| DeskLetter { summary: summary(filed), handling: handling.clone() })
        });
        let mut letters: Vec<_> = letters.collect();
        letters.sort_by_key(|letter| std::cmp::Reverse((letter.summary.filed_at, letter.summary.id.clone())));
        letters
    }
}

fn takes(filter: &LetterFilter, filed: &FiledLetter, handling: &Handling) -> bool {
    fn fits<T: PartialEq + ?Sized>(wanted: Option<&T>, is: Option<&T>) -> bool {
        wanted.is_none_or(|wanted| is == Some(wanted))
    }
    let FiledLetter { letter, fingerprint, filed_at, .. } = filed;
    let has = |text: &String| {
        let text = text.to_lowercase();
        let headers = letter.headers.iter().flat_map(|(name, value)| [name, value]);
        let mut places = [letter.id.as_str(), &letter.code, &letter.reason].into_iter().chain(headers);
        places.any(|place| place.to_lowercase().contains(&text))
    };
    fits(filter.id.as_deref(), Some(letter.id.as_str()))
        && fits(filter.group.as_deref(), Some(fingerprint))
        && fits(filter.state.as_ref(), Some(&handling.state))
        && fits(filter.stage.as_ref(), letter.stage.as_ref())
        && fits(filter.class.as_ref(), Some(&letter.class))
        && fits(filter.code.as_deref(), Some(&letter.code))
        && fits(filter.batch.as_ref().map(BatchId::as_str), letter.headers.get(header::BATCH))
        && filter.coin.is_none_or(|coin| letter.coins().contains(&coin))
        && filter.since.is_none_or(|since| *filed_at >= since)
        && filter.until.is_none_or(|until| *filed_at < until)
        && filter.settled_before.is_none_or(|before| handling.settled_at.is_some_and(|at| at < before))
        && filter.text.as_ref().is_none_or(has)
}

#[async_trait]
impl DeskPort for MemoryStore {
    async fn list(
        &self,
        filter: &LetterFilter,
        after: Option<&LetterKey>,
        limit: u32,
    ) -> Result<Vec<DeskLetter>, StoreError> {
        let mut letters = self.state()?.desk.taken(filter);
        if let Some(LetterKey { filed_at, id }) = after {
            letters.retain(|letter| {
                (letter.summary.filed_at, letter.summary.id.as_str()) < (*filed_at, id.as_str())
            });
        }
        letters.truncate(limit as usize);
        Ok(letters)
    }

    async fn count(&self, filter: &LetterFilter, most: u64) -> Result<u64, StoreError> {
        Ok((self.state()?.desk.taken(filter).len() as u64).min(most))
    }

    async fn by_hour(&self, groups: &[&str], since: DateTime<Utc>) -> Result<Vec<HourOfGroup>, StoreError> {
        let mut hours: BTreeMap<(String, DateTime<Utc>), u64> = BTreeMap::new();
        for letter in
            self.state()?.desk.taken(&LetterFilter { since: Some(since), ..LetterFilter::default() })
        {
            let (group, filed_at) = (letter.summary.fingerprint, letter.summary.filed_at);
            let begins = filed_at.timestamp().div_euclid(3600) * 3600;
            if let Some(hour) = DateTime::from_timestamp(begins, 0).filter(|_| groups.contains(&&*group)) {
                *hours.entry((group, hour)).or_default() += 1;
            }
        }
        let hours = hours.into_iter();
        Ok(hours.map(|((fingerprint, hour), letters)| HourOfGroup { fingerprint, hour, letters }).collect())
    }

    async fn unsettled(&self) -> Result<BTreeMap<String, Unsettled>, StoreError> {
        let mut groups = BTreeMap::<_, Unsettled>::new();
        for DeskLetter { summary, handling } in self.state()?.desk.taken(&LetterFilter::default()) {
            match handling.state {
                LetterState::Open => groups.entry(summary.fingerprint).or_default().open += 1,
                LetterState::Replayed => groups.entry(summary.fingerprint).or_default().replayed += 1,
                LetterState::Resolved | LetterState::Dropped => {}
            }
        }
        Ok(groups)
    }

    async fn replayed(&self, key: &LetterKey, replay: &ReplayId) -> Result<bool, StoreError> {
        let (mut held, now) = (self.state()?, self.now());
        let found = held.desk.seen(key).map(|handling| {
            (handling.state, handling.settled_at, handling.why) = (LetterState::Replayed, None, None);
            (handling.replay, handling.replayed_at) = (Some(replay.clone()), Some(now));
        });
        Ok(found.is_some())
    }

    async fn arrived(&self, id: &str, replay: &ReplayId, why: &str) -> Result<bool, StoreError> {
        let (mut held, now) = (self.state()?, self.now());
        let waits = |handling: &&mut Handling| {
            handling.state == LetterState::Replayed && handling.replay.as_ref() == Some(replay)
        };
        let found = held.desk.handling.get_mut(id).filter(waits).map(|handling| {
            handling.state = LetterState::Resolved;
            (handling.settled_at, handling.why) = (Some(now), Some(why.to_owned()));
        });
        Ok(found.is_some())
    }

    async fn is_loaded(
        &self,
        replay: &ReplayId,
        batch: &BatchId,
        page: u32,
        chunk: u32,
    ) -> Result<bool, StoreError> {
        Ok(self.state()?.ledger.has_replayed(replay, batch, page, chunk))
    }

    async fn settle(&self, keys: &[LetterKey], dropped: bool, why: &str) -> Result<u64, StoreError> {
        let (mut held, now) = (self.state()?, self.now());
        let state = if dropped { LetterState::Dropped } else { LetterState::Resolved };
        let settled = keys.iter().filter(|key| held.desk.settle(key, state, why, now));
        Ok(settled.count() as u64)
    }

    async fn settle_with_groups(&self, limit: u32) -> Result<u64, StoreError> {
        let (mut held, now) = (self.state()?, self.now());
        let desk = &mut held.desk;
        let is_resolved = |letter: &DeskLetter| {
            let group = desk.groups.get(&letter.summary.fingerprint);
            group.is_some_and(|group| group.state == GroupState::Resolved)
        };
        let open = desk.taken(&LetterFilter { state: Some(LetterState::Open), ..LetterFilter::default() });
        let keys: Vec<_> = open
            .iter()
            .filter(|letter| is_resolved(letter))
            .map(DeskLetter::key)
            .take(limit as usize)
            .collect();
        for key in &keys {
            desk.settle(key, LetterState::Resolved, "its group was resolved", now);
        }
        Ok(keys.len() as u64)
    }

    async fn keep_edited(&self, original: &LetterKey, edited: &DeadLetter) -> Result<bool, StoreError> {
        let (mut held, now) = (self.state()?, self.now());
        let desk = &mut held.desk;
        let id = edited.id.to_string();
        let why = format!("edited as {id}");
        if desk.letters.contains_key(&id) || !desk.settle(original, LetterState::Resolved, &why, now) {
            return Ok(false);
        }
        let Some(fingerprint) = desk.letters.get(&original.id).map(|filed| filed.fingerprint.clone()) else {
            return Ok(false);
        };
        let first_seen_at = timestamp::to_millis(edited.first_seen_at);
        let letter = DeadLetter { first_seen_at, ..edited.clone() };
        let death = Death {
            replay: String::new(),
            stage: letter.stage,
            class: letter.class,
            code: letter.code.clone(),
            reason: letter.reason.clone(),
            attempt: letter.attempt,
            first_seen_at,
            filed_at: now,
            fingerprint: fingerprint.clone(),
        };
        desk.letters
            .insert(id.clone(), FiledLetter { letter, fingerprint, filed_at: now, deaths: vec![death] });
        desk.reopen(&id);
        if let Some(handling) = desk.handling.get_mut(&id) {
            handling.edited_from = Some(original.id.clone());
        }
        Ok(true)
    }

    async fn begin(&self, action: &Action) -> Result<(), StoreError> {
        let (mut held, at) = (self.state()?, self.now());
        held.desk.log.push(LoggedAction { at, action: action.clone(), done: 0, outcome: None });
        Ok(())
    }

    async fn note(&self, id: &str, done: u64, outcome: Option<&str>) -> Result<(), StoreError> {
        let mut held = self.state()?;
        if let Some(logged) = held.desk.log.iter_mut().find(|logged| logged.action.id == id) {
            (logged.done, logged.outcome) = (done, outcome.map(str::to_owned));
        }
        Ok(())
    }

    async fn actions(&self, limit: u32) -> Result<Vec<LoggedAction>, StoreError> {
        let mut log = self.state()?.desk.log.clone();
        log.sort_by_key(|logged| std::cmp::Reverse((logged.at, logged.action.id.clone())));
        log.truncate(limit as usize);
        Ok(log)
    }

    async fn purge(
        &self,
        kept: Kept,
        filter: &LetterFilter,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let (mut held, limit) = (self.state()?, limit as usize);
        let desk = &mut held.desk;
        let gone = match kept {
            Kept::Letters => {
                let mut old = desk.taken(filter);
                old.retain(|letter| letter.handling.settled_at.is_some_and(|at| at < before));
                old.sort_by_key(|letter| letter.handling.settled_at);
                old.truncate(limit);
                for letter in &old {
                    desk.letters.remove(letter.summary.id.as_str());
                    desk.handling.remove(letter.summary.id.as_str());
                }
                old.len()
            }
            Kept::Groups => {
                let used: BTreeSet<_> =
                    desk.letters.values().map(|filed| filed.fingerprint.clone()).collect();
                let old = desk.groups.values().filter(|group| {
                    group.state == GroupState::Resolved
                        && group.last_seen_at < before
                        && !used.contains(&group.fingerprint)
                });
                let old: Vec<_> = old.map(|group| group.fingerprint.clone()).take(limit).collect();
                for fingerprint in &old {
                    desk.groups.remove(fingerprint);
                }
                old.len()
            }
            Kept::Mails => held.mails.purge(before, limit),
            Kept::Log => {
                let old = desk.log.iter().filter(|logged| logged.at < before).count().min(limit);
                desk.log.drain(..old);
                old
            }
        };
        Ok(gone as u64)
    }
}
