//! Pages of a batch that are worth asking for again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::judge::{Check, Finding};

/// The answers to the requests for one page.
#[derive(Default)]
struct Answers {
    count: u32,
    /// Credits of those of which nothing was kept.
    unkept_credits: u32,
}

/// Pages of a batch that were asked for and are not as they should be.
#[derive(Default)]
pub(super) struct Doubts {
    /// What came of each.
    answers: HashMap<u32, Answers>,
    /// Pages that are there and are asked for again.
    again: Vec<u32>,
    /// Whether asking again did not help once: then it is not tried with other pages.
    in_vain: bool,
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

    /// An answer came for `page`. Returns how many there are now.
    pub(super) fn count_answer(&mut self, page: u32) -> u32 {
        let answers = self.answers.entry(page).or_default();
        answers.count += 1;
        answers.count
    }

    /// Of an answer for `page`, which cost `credits`, nothing is kept.
    pub(super) fn keep_nothing(&mut self, page: u32, credits: u32) {
        let answers = self.answers.entry(page).or_default();
        answers.unkept_credits = answers.unkept_credits.saturating_add(credits);
    }

    /// Credits for which nothing was kept of `page`. Whoever takes them adds them to what is there of it.
    pub(super) fn take_unkept_credits(&mut self, page: u32) -> u32 {
        self.answers.get_mut(&page).map_or(0, |answers| std::mem::take(&mut answers.unkept_credits))
    }

    /// `page`, of which `findings` tell, is asked for again or not. Only one that `is_there` has to be remembered: others are missing.
    pub(super) fn decide(&mut self, page: u32, findings: &[Finding], asks_again: bool, is_there: bool) {
        self.in_vain |= findings.iter().any(|finding| finding.check.may_pass()) && !asks_again;
        self.again.retain(|again| *again != page);
        if asks_again && is_there {
            self.again.push(page);
        }
    }

    /// Whether asking again is of no use: because nothing was found that may pass, because it did not help in this batch, or because it
    /// helped against none of `findings` in the one before.
    pub(super) fn are_in_vain(&self, findings: &[Finding]) -> bool {
        let is_hopeless =
            |finding: &Finding| !finding.check.may_pass() || self.hopeless.contains(&finding.check);
        self.in_vain || findings.iter().all(is_hopeless)
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
        self.take_unkept_credits(page)
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
