//! Pages of a batch that are worth asking for again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::judge::{Check, Finding};

/// Pages of a batch that were asked for and are not as they should be.
#[derive(Default)]
pub(super) struct Doubts {
    /// How often each was asked for, and what that cost for which nothing was kept.
    pub(super) asked: HashMap<u32, (u32, u32)>,
    /// Pages that are there and are asked for again.
    pub(super) again: Vec<u32>,
    /// Whether asking again did not help once: then it is not tried with other pages.
    pub(super) in_vain: bool,
    /// What asking again did not help against in the batch before.
    hopeless: Vec<Check>,
    /// What it did not help against in this one.
    stayed: Vec<Check>,
}

impl Doubts {
    /// A page that is there and is to be asked for again.
    pub(super) fn next(&self) -> Option<u32> {
        self.again.first().copied()
    }

    /// Whether asking again is of no use: because nothing was found, because it did not help in this batch, or because it helped
    /// against none of `findings` in the one before.
    pub(super) fn are_in_vain(&self, findings: &[Finding]) -> bool {
        self.in_vain || findings.iter().all(|finding| self.hopeless.contains(&finding.check))
    }

    /// A page was asked for `tries` times and stays as `findings` say.
    pub(super) fn stay(&mut self, findings: &[Finding], tries: u32) {
        let checks = findings.iter().map(|finding| finding.check);
        let stayed: Vec<_> = checks.filter(|check| tries > 1 || self.hopeless.contains(check)).collect();
        self.stayed.extend(stayed);
    }

    /// Nothing is asked for again any more. Returns what was paid for `page` without keeping anything.
    pub(super) fn give_up(&mut self, page: u32) -> u32 {
        self.in_vain = true;
        self.again.clear();
        self.asked.get_mut(&page).map_or(0, |(_, unpaid)| std::mem::take(unpaid))
    }
}

/// What asking again did not help against in the newest batch that came whole. A proxy that always cuts a page would otherwise
/// cost as much again in every slot.
#[derive(Default)]
pub(super) struct Hopeless(Mutex<Vec<Check>>);

impl Hopeless {
    /// The doubts about the next batch.
    pub(super) fn begin(&self) -> Doubts {
        let hopeless = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Doubts { hopeless, ..Doubts::default() }
    }

    /// All pages of a batch are there, and `doubts` are what they are.
    pub(super) fn learn(&self, doubts: Doubts) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = doubts.stayed;
    }
}
