//! Judging a snapshot: whether it is what was asked for, what the API says there is, and what the snapshots before it let expect.
//!
//! `summary` reads of a page what is compared. `page_checks` say whether a page is worth asking for again, `snapshot_checks` what
//! is wrong with all of them together, and `memory` holds what is remembered of the snapshots before. All of it is arithmetic: what is
//! done about a finding is the collector's business. Nothing is found in what cannot be read: the transformer says what is wrong there.

mod findings;
mod map_checks;
mod map_memory;
mod memory;
mod page_checks;
mod past_checks;
mod snapshot_checks;
mod summary;

pub(crate) use findings::{Check, Finding, verdict, words};
pub(crate) use map_checks::judge_map;
pub(crate) use memory::Memory;
pub(crate) use page_checks::{coins_again, findings_of_page};
pub(crate) use past_checks::{findings_of_day, judge_day, judge_hour, lacks_past};
pub(crate) use snapshot_checks::judge;
pub(crate) use summary::PageSummary;

use crate::spool::PageRecord;

/// A page, and what was read of it.
#[derive(Clone, Copy)]
pub(crate) struct Page<'a> {
    pub(crate) record: &'a PageRecord,
    pub(crate) summary: &'a PageSummary,
}
