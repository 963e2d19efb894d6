//! What is wrong, and what is said of it.

use std::collections::{BTreeMap, BTreeSet};

use domain::{BatchId, PageMeta};
use ports::store::Missing;
use serde_json::{Value, json};

use crate::{numbers, output};

/// A part of a batch: all of it, a page, or a chunk of a page.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    pub(super) batch: BatchId,
    pub(super) page: Option<u32>,
    pub(super) chunk: Option<u32>,
}

impl Part {
    pub(super) fn of(batch: &BatchId, missing: Missing) -> Self {
        let chunk = if let Missing::Chunk { chunk, .. } = missing { Some(chunk) } else { None };
        Self { batch: batch.clone(), page: Some(missing.page()), chunk }
    }

    fn text(&self) -> String {
        match (self.page, self.chunk) {
            (Some(page), Some(chunk)) => format!("page {page} chunk {chunk}"),
            (Some(page), None) => format!("page {page}"),
            (None, _) => "all".to_owned(),
        }
    }
}

/// How a part is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The ledger has no line for it, and its quotes are not in the history.
    NotLoaded,
    /// The ledger has no line for it, although its quotes are there.
    NoLine,
    /// The ledger says that it was loaded, and so many of its quotes are not in the history.
    NoRows { quotes: u64, of: u64 },
    /// So many of its quotes are in the history, and `quotes_latest` has older ones, or none.
    NotLatest { quotes: u64 },
    /// The history has so many quotes of the batch, and the ledger knows nothing of it.
    Unknown { quotes: u64 },
    /// The batch was dropped, and so many rows of the tables name it; or none, and the drop was interrupted.
    NotOut { rows: u64 },
}

impl Wrong {
    fn name(self) -> &'static str {
        match self {
            Self::NotLoaded => "not_loaded",
            Self::NoLine => "no_line",
            Self::NoRows { .. } => "no_rows",
            Self::NotLatest { .. } => "not_latest",
            Self::Unknown { .. } => "unknown_batch",
            Self::NotOut { .. } => "not_out",
        }
    }

    fn quotes(self) -> Option<u64> {
        match self {
            Self::NoRows { quotes, .. }
            | Self::NotLatest { quotes }
            | Self::Unknown { quotes }
            | Self::NotOut { rows: quotes } => Some(quotes),
            Self::NotLoaded | Self::NoLine => None,
        }
    }

    fn text(self) -> String {
        match self {
            Self::NotLoaded => "not loaded".to_owned(),
            Self::NoLine => "its quotes are there, its line in the ledger is not".to_owned(),
            Self::NoRows { quotes, of } => {
                format!(
                    "{} of {} are not in the history",
                    numbers::count(quotes),
                    numbers::counted(of, "quote")
                )
            }
            Self::NotLatest { quotes } => {
                format!("{} should be in quotes_latest", numbers::counted(quotes, "quote"))
            }
            Self::Unknown { quotes } => {
                format!("{} in the history, and not in the ledger", numbers::counted(quotes, "quote"))
            }
            Self::NotOut { rows: 0 } => "it was dropped, and that was interrupted".to_owned(),
            Self::NotOut { rows } => {
                let are = if rows == 1 { "is" } else { "are" };
                format!("it was dropped, and {} {are} in the tables", numbers::counted(rows, "row"))
            }
        }
    }
}

/// A part that is not as it should be.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) part: Part,
    pub(super) wrong: Wrong,
    /// Whether the archive has its page.
    is_in_archive: bool,
}

impl Finding {
    /// Whether a repair can put it right.
    pub(super) fn is_repairable(&self) -> bool {
        self.is_in_archive || matches!(self.wrong, Wrong::NotOut { .. })
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Verified {
    found: BTreeMap<Part, Wrong>,
    /// Batches with pages in the archive.
    pub(super) archived: BTreeSet<BatchId>,
    /// These pages.
    archived_pages: BTreeSet<(BatchId, u32)>,
    /// Pages that were cleaned and compared.
    pub(super) pages: u64,
    /// Quotes of theirs that are in the history.
    pub(super) quotes: u64,
    /// Quotes of theirs that are too old for the history.
    pub(super) too_old: u64,
    /// Coins of theirs that were rejected when they were loaded, and would not be now, or that the database refused.
    pub(super) refused: u64,
    /// Pages of batches that were dropped.
    pub(super) dropped: u64,
    /// Pages of the other kind: simulated among real ones, or the reverse.
    pub(super) other_kind: u64,
    /// Pages of what is fetched beside the quotes.
    pub(super) without_quotes: u64,
    /// Pages that nobody can read.
    pub(super) unreadable: u64,
    /// Batches that the ledger calls complete and of which the archive has no page: nothing proves that their quotes are there.
    pub(super) unproved: u64,
}

impl Verified {
    /// Notes that the archive has `page`.
    pub(super) fn note_archived(&mut self, page: &PageMeta) {
        self.archived.insert(page.batch.clone());
        self.archived_pages.insert((page.batch.clone(), page.page));
    }

    /// Whether the archive has the page that `part` is of. A page that never came is in none, whatever came of its batch.
    fn is_in_archive(&self, part: &Part) -> bool {
        match part.page {
            Some(page) => self.archived_pages.contains(&(part.batch.clone(), page)),
            None => self.archived.contains(&part.batch),
        }
    }

    /// Notes that `part` is wrong; what was found first stays.
    pub(super) fn note(&mut self, part: Part, wrong: Wrong) {
        self.found.entry(part).or_insert(wrong);
    }

    pub(super) fn has_found(&self, batch: &BatchId) -> bool {
        self.found.keys().any(|part| part.batch == *batch)
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let finding = |(part, wrong): (&Part, &Wrong)| Finding {
            part: part.clone(),
            wrong: *wrong,
            is_in_archive: self.is_in_archive(part),
        };
        self.found.iter().map(finding).collect()
    }

    /// The batches that were dropped and have to be taken out.
    pub(super) fn to_take_out(&self) -> Vec<BatchId> {
        let is_left = |(_, wrong): &(&Part, &Wrong)| matches!(wrong, Wrong::NotOut { .. });
        self.found.iter().filter(is_left).map(|(part, _)| part.batch.clone()).collect()
    }

    /// The batches that the archive can put right.
    pub(super) fn to_load(&self) -> Vec<BatchId> {
        let parts = self.found.keys().filter(|part| self.is_in_archive(part));
        let batches: BTreeSet<_> = parts.map(|part| part.batch.clone()).collect();
        batches.into_iter().collect()
    }

    /// What is wrong `after` a repair, if there was one: of the batches that were repaired what is found now.
    pub(super) fn left(&self, after: Option<&Self>) -> Vec<Finding> {
        let Some(after) = after else { return self.findings() };
        let others = self.findings().into_iter().filter(|finding| !finding.is_repairable());
        others.chain(after.findings()).collect()
    }

    /// What was found, as a table.
    pub(super) fn print(&self) -> anyhow::Result<()> {
        if self.found.is_empty() {
            return Ok(());
        }
        let rows = self.findings().into_iter().map(|finding| {
            let archive = match finding.wrong {
                Wrong::NotOut { .. } => "not needed",
                _ if finding.is_in_archive => "has it",
                _ => "does not have it",
            };
            vec![
                finding.part.batch.to_string(),
                finding.part.text(),
                finding.wrong.text(),
                archive.to_owned(),
            ]
        });
        output::print(output::table(&["batch", "part", "what is wrong", "archive"], &[], rows))
    }

    pub(super) fn summary(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "Compared  {} of {}: {} in the history",
            numbers::counted(self.pages, "page"),
            numbers::batches(self.archived.len() as u64),
            numbers::counted(self.quotes, "quote"),
        )];
        for (count, thing, why) in [
            (self.too_old, "quote", "older than [history] keep, and rightly not there"),
            (self.refused, "coin", "refused or rejected when loaded, as the ledger says"),
            (self.dropped, "page", "of batches that were dropped, and rightly not there"),
            (self.other_kind, "page", "of the other kind: simulated and real quotes do not share a store"),
            (
                self.without_quotes,
                "page",
                "of what `[market]` has fetched: of these only the ledger is looked at",
            ),
            (self.unreadable, "page", "in the archive that cannot be read; see `coinpipe dead list`"),
        ] {
            if count > 0 {
                lines.push(format!("left out  {}: {why}", numbers::counted(count, thing)));
            }
        }
        if self.unproved > 0 {
            let batches = numbers::batches(self.unproved);
            lines.push(format!(
                "unproved  {batches}: complete in the ledger, and not in the archive, so nothing proves that every quote is there"
            ));
        }
        lines
    }

    pub(super) fn to_json(&self, after: Option<&Self>, waiting: u64) -> Value {
        let left: BTreeSet<_> = self.left(after).into_iter().map(|finding| finding.part).collect();
        let wrong = |finding: &Finding| {
            json!({
                "batch": finding.part.batch.as_str(),
                "page": finding.part.page,
                "chunk": finding.part.chunk,
                "what": finding.wrong.name(),
                "quotes": finding.wrong.quotes(),
                "in_archive": finding.is_in_archive,
                "repaired": after.is_some() && !left.contains(&finding.part),
            })
        };
        let mut all = self.findings();
        let known: BTreeSet<_> = self.found.keys().cloned().collect();
        all.extend(self.left(after).into_iter().filter(|finding| !known.contains(&finding.part)));
        json!({
            "batches": self.archived.len(),
            "pages": self.pages,
            "quotes": self.quotes,
            "quotes_too_old": self.too_old,
            "coins_refused": self.refused,
            "pages_dropped": self.dropped,
            "pages_of_the_other_kind": self.other_kind,
            "pages_without_quotes": self.without_quotes,
            "pages_unreadable": self.unreadable,
            "batches_unproved": self.unproved,
            "messages_waiting": waiting,
            "wrong": all.iter().map(wrong).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use testkit::contract::store::sample;

    use super::*;

    #[test]
    fn a_page_that_never_came_is_in_no_archive() {
        let page = sample::chunk(&[1]).page;
        let mut verified = Verified::default();
        verified.note_archived(&page);
        let part = |number| Part { batch: page.batch.clone(), page: Some(number), chunk: None };
        verified.note(part(page.page + 1), Wrong::NotLoaded);
        assert_eq!((verified.findings()[0].is_in_archive, verified.to_load().len()), (false, 0));
        verified.note(part(page.page), Wrong::NotLoaded);
        assert_eq!(verified.to_load(), std::slice::from_ref(&page.batch));
    }
}
