//! The pages of a replay: where they come from, which are wanted, and what is reported about the others.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use domain::{BatchId, Message, MessageId, Origin, PageMeta, ReplayId, header};
use ports::StoreError;
use ports::store::DataKinds;
use ports::{Archive, ArchiveRange, Archived, QueueError};
use service::Stores;

use super::ReplayArgs;
use crate::page_files::PageFiles;
use crate::selection::Selection;
use crate::{archived, numbers, output};

/// The pages that a replay is about.
pub(super) struct Pages<'a> {
    args: &'a ReplayArgs,
    /// Where they are from: the queue's archive, or files.
    archive: Arc<dyn Archive>,
    /// The same, when it is files.
    files: Option<Arc<PageFiles>>,
    selection: Selection,
    range: ArchiveRange,
    replay: ReplayId,
}

/// What became of the pages in the range.
#[derive(Default)]
pub(super) struct Seen {
    /// The ids of those that are wanted; the archive may hold a page twice.
    pub(super) pages: BTreeSet<MessageId>,
    /// How many of them were published.
    pub(super) published: u64,
    /// Whether pages left the archive while it was read.
    pub(super) is_cut: bool,
    /// Pages that cannot be read as such.
    pub(super) unreadable: u64,
    /// Pages of batches that were dropped.
    pub(super) dropped: u64,
    /// Pages of the other kind than the store's: simulated among real ones, or the reverse.
    pub(super) other_kind: u64,
}

/// What the store says of the pages that it takes.
#[derive(Default)]
pub(super) struct Stored {
    kinds: DataKinds,
    /// Batches that were dropped.
    pub(super) dropped: BTreeSet<BatchId>,
}

impl Stored {
    /// Of `stores`.
    pub(super) async fn of(stores: &Stores) -> Result<Self, StoreError> {
        Ok(Self { kinds: stores.store.data_kinds().await?, dropped: stores.drops.dropped().await? })
    }
}

impl<'a> Pages<'a> {
    /// Those of `files`, or else of `archive`, that `args` select, for the replay `replay`.
    pub(super) async fn new(
        args: &'a ReplayArgs,
        archive: Arc<dyn Archive>,
        files: Option<Arc<PageFiles>>,
        selection: Selection,
        replay: ReplayId,
    ) -> anyhow::Result<Self> {
        let archive = match &files {
            Some(files) => Arc::clone(files) as Arc<dyn Archive>,
            None => archive,
        };
        let mut range = archive.range(selection.archived_since()).await?;
        range.after = range.after.max(args.after.unwrap_or(0)).min(range.end);
        Ok(Self { args, archive, files, selection, range, replay })
    }

    /// The part of the archive that is read.
    pub(super) fn range(&self) -> ArchiveRange {
        self.range
    }

    /// The next pages after `position`.
    pub(super) async fn read(&self, position: u64) -> Result<Vec<Archived>, QueueError> {
        archived::read(&*self.archive, position).await
    }

    /// The id of the replay.
    pub(super) fn replay(&self) -> &ReplayId {
        &self.replay
    }

    /// How many pages a minute may be published.
    pub(super) fn rate(&self) -> Option<NonZeroU32> {
        self.args.rate
    }

    /// The batch that was named.
    pub(super) fn batch(&self) -> Option<&BatchId> {
        self.selection.batch()
    }

    /// The page as it is replayed; `None` when it is left out.
    pub(super) fn wanted(
        &self,
        mut message: Message,
        stored: &Stored,
        seen: &mut Seen,
    ) -> Option<(PageMeta, Message)> {
        let Ok(meta) = PageMeta::from_headers(&message.headers) else {
            seen.unreadable += 1;
            return None;
        };
        if !self.selection.wants(&meta) || seen.pages.contains(&message.id) {
            return None;
        }
        if stored.dropped.contains(&meta.batch) && !self.args.even_dropped {
            seen.dropped += 1;
            return None;
        }
        let kinds = stored.kinds;
        if (meta.simulated && kinds.real) || (!meta.simulated && kinds.simulated) {
            seen.other_kind += 1;
            return None;
        }
        seen.pages.insert(message.id.clone());
        let origin = if self.args.rebuild { Origin::Rebuild } else { Origin::Replay };
        message.headers.set(header::ORIGIN, origin);
        message.headers.set(header::REPLAY_ID, &self.replay);
        telemetry::trace::forget(&mut message.headers);
        Some((meta, message))
    }

    pub(super) fn tell(&self, seen: &Seen) {
        if seen.is_cut && self.files.is_none() {
            output::say(
                "warning: the archive forgot pages of that time while it was read ([archive] says when)",
            );
        }
        if seen.unreadable > 0 {
            let pages = numbers::counted(seen.unreadable, "page");
            let place = if self.files.is_some() { "the files" } else { "the archive" };
            output::say(format!("warning: {pages} in {place} cannot be read and were left out"));
        }
        if seen.other_kind > 0 {
            let pages = numbers::counted(seen.other_kind, "page");
            output::say(format!("left out  {pages}: simulated and real quotes do not share a store"));
        }
        if seen.dropped > 0 {
            let pages = numbers::counted(seen.dropped, "page");
            output::say(format!(
                "left out  {pages} of batches that were dropped; --batch ID --even-dropped brings one back"
            ));
        }
        for bad in self.bad_files() {
            output::say(format!("warning: {bad}"));
        }
        match &self.files {
            _ if seen.dropped > 0 => {}
            None if seen.pages.is_empty() && seen.other_kind == 0 => {
                output::say("the archive has no such pages; `replay --all --dry-run` lists what it has");
            }
            Some(_) if seen.pages.is_empty() && seen.other_kind == 0 && self.bad_files().is_empty() => {
                output::say("none of the files holds such a page");
            }
            _ => {}
        }
    }

    /// Whether files were named and none of them gave a page, as `seen` tells at the end.
    pub(super) fn leaves_out_every_file(&self, seen: &Seen) -> bool {
        let is_any_left = self.range.after < self.range.end;
        self.files.is_some() && is_any_left && seen.pages.is_empty()
    }

    pub(super) fn bad_files(&self) -> Vec<String> {
        self.files.as_ref().map(|files| files.bad()).unwrap_or_default()
    }

    /// Lists the batches that a replay would be of, and what `stores`, if they are there, know of them.
    pub(super) async fn list(&self, stores: Option<&Stores>) -> anyhow::Result<()> {
        let held = match stores {
            Some(stores) => Stored::of(stores).await?,
            None => Stored::default(),
        };
        let mut seen = Seen::default();
        let mut batches: BTreeMap<BatchId, (u64, u32, bool)> = BTreeMap::new();
        let mut position = self.range.after;
        while position < self.range.end {
            let pages = self.read(position).await?;
            let Some(last) = pages.last() else { break };
            position = last.position;
            for page in pages.into_iter().filter(|page| page.position <= self.range.end) {
                if let Some((meta, _)) = self.wanted(page.message, &held, &mut seen) {
                    let batch = batches.entry(meta.batch).or_insert((0, meta.pages, meta.simulated));
                    batch.0 += 1;
                }
            }
        }
        self.tell(&seen);
        let mut rows = Vec::new();
        for (id, (pages, of, simulated)) in &batches {
            let record = match stores {
                Some(stores) => stores.ledger.batch(id).await?,
                None => None,
            };
            let state = record
                .map_or_else(|| "not in the ledger".to_owned(), |record| crate::batch_state::state(&record));
            let name = if *simulated { format!("{id} (simulated)") } else { id.to_string() };
            rows.push(vec![name, format!("{pages} of {of}"), state]);
        }
        if !rows.is_empty() {
            output::print(output::table(&["batch", "pages", "in the ledger"], &[], rows))?;
        }
        Ok(())
    }
}
