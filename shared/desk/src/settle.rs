//! Letters that nobody has to look after any more: resolved, or given up.

use domain::MessageId;
use ports::StoreError;
use ports::store::{DeskLetter, LetterFilter, LetterKey, LetterState};
use service::Stores;
use tokio_util::sync::CancellationToken;

use crate::acting::{Acting, Verb};
use crate::names::shown_name;
use crate::replayed_letters::close_settled_groups;
use domain::counted;

/// Letters that are named of those that stay as they are.
const NAMED: usize = 3;

/// What became of letters that were to be settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// How many were settled.
    pub done: u64,
    /// How many groups were resolved with them.
    pub groups: u64,
    /// Whether it was stopped before its end.
    pub is_stopped: bool,
    /// Those that died again meanwhile: they are open.
    pub died_again: Kept,
    /// Those that somebody else resolved or dropped meanwhile.
    pub settled_before: Kept,
    /// Those that were purged meanwhile.
    pub gone: Kept,
}

/// Letters that stayed as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// How many.
    pub letters: u64,
    /// The ids of the first.
    pub first: Vec<MessageId>,
}

impl Kept {
    fn add(&mut self, id: &str) {
        self.letters += 1;
        if self.first.len() < NAMED {
            self.first.push(MessageId::new(id));
        }
    }

    /// What `became` of them, with the names of the first; `None` when there are none.
    fn told(&self, became: &str) -> Option<String> {
        let names: Vec<_> = self.first.iter().map(|id| shown_name(id.as_str())).collect();
        let more = if self.letters > names.len() as u64 { ", …" } else { "" };
        let letters = counted(self.letters, "letter");
        (self.letters > 0).then(|| format!("{letters} {became} ({}{more})", names.join(", ")))
    }
}

impl Settled {
    /// What stayed as it is, in words; nothing when that is none.
    pub fn passed_over(&self) -> Vec<String> {
        let told = [
            self.died_again.told("died again meanwhile, and stayed open"),
            self.settled_before.told("somebody else settled meanwhile"),
            self.gone.told("purged meanwhile"),
        ];
        told.into_iter().flatten().collect()
    }
}

/// Settles the letters of `acting`, whose record has begun, for the reason `why`, until `stop`; and the groups of which every letter is
/// settled then. How it ended is written down.
pub async fn settle(
    stores: &Stores,
    acting: &mut Acting,
    why: &str,
    stop: &CancellationToken,
) -> Result<Settled, StoreError> {
    let mut settled = Settled::default();
    let ended = settle_all(stores, acting, why, stop, &mut settled).await;
    let how = match &ended {
        Err(error) => format!("failed: {error}"),
        Ok(()) if settled.is_stopped => "stopped".to_owned(),
        Ok(()) => "done".to_owned(),
    };
    let told = [format!("{how}: {why}")].into_iter().chain(settled.passed_over());
    acting.end(stores, settled.done, &told.collect::<Vec<_>>().join("; ")).await?;
    ended.map(|()| settled)
}

async fn settle_all(
    stores: &Stores,
    acting: &mut Acting,
    why: &str,
    stop: &CancellationToken,
    settled: &mut Settled,
) -> Result<(), StoreError> {
    let is_drop = acting.verb() == Verb::Drop;
    loop {
        if stop.is_cancelled() {
            settled.is_stopped = true;
            break;
        }
        let page = acting.next(stores).await?;
        if page.is_empty() {
            break;
        }
        let keys: Vec<_> = page.iter().map(DeskLetter::key).collect();
        let done = stores.desk.settle(&keys, is_drop, why).await?;
        settled.done += done;
        if done < keys.len() as u64 {
            let state = if is_drop { LetterState::Dropped } else { LetterState::Resolved };
            for key in &keys {
                look_at(stores, key, state, why, settled).await?;
            }
        }
        acting.note(stores, settled.done).await?;
    }
    settled.groups = close_settled_groups(&*stores.letters, &*stores.desk).await?;
    Ok(())
}

/// Looks what became of the letter at `key`, if it is not as it was to be.
async fn look_at(
    stores: &Stores,
    key: &LetterKey,
    state: LetterState,
    why: &str,
    settled: &mut Settled,
) -> Result<(), StoreError> {
    let filter = LetterFilter { id: Some(key.id.clone()), ..LetterFilter::default() };
    match stores.desk.list(&filter, None, 1).await?.pop() {
        None => settled.gone.add(&key.id),
        Some(letter) if letter.summary.filed_at != key.filed_at => settled.died_again.add(&key.id),
        Some(letter) if letter.handling.state == state && letter.handling.why.as_deref() == Some(why) => {}
        Some(_) => settled.settled_before.add(&key.id),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
