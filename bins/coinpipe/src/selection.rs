//! Which batches a command is about.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use domain::{BatchId, PageMeta, Slot, timestamp};
use service::Usage;

use crate::values::{instant, some_time};

/// How much earlier than its slot a page may be in the archive, by the clocks of two machines.
const SKEW: TimeDelta = TimeDelta::minutes(10);

/// Which batches, by their slots.
#[derive(Args, Debug, Default)]
#[group(skip)]
pub(crate) struct SpanArgs {
    /// Batches of slots from this instant or day on (2026-11-22T14:00:00Z or 2026-11-22, UTC)
    #[arg(long, value_name = "T", value_parser = instant)]
    from: Option<DateTime<Utc>>,
    /// Batches of slots before this instant or day
    #[arg(long, value_name = "T", value_parser = instant)]
    to: Option<DateTime<Utc>>,
    /// Batches of slots in this time until now, such as 24h or 7d
    #[arg(long, value_name = "TIME", value_parser = some_time, conflicts_with_all = ["from", "to"])]
    last: Option<Duration>,
    /// One batch, by its id as `batches` shows it
    #[arg(long, value_name = "ID", conflicts_with_all = ["from", "to", "last"])]
    batch: Option<String>,
    /// Everything in the archive
    #[arg(long, conflicts_with_all = ["from", "to", "last", "batch"])]
    all: bool,
}

impl SpanArgs {
    /// Every batch.
    pub(crate) fn all() -> Self {
        Self { all: true, ..Self::default() }
    }
}

/// The batch that somebody means by `text`: its id, with or without what `batches` adds to that of a simulated one.
pub(crate) fn batch_id(text: &str) -> Result<BatchId, Usage> {
    let id = text.trim().trim_end_matches("(simulated)").trim_end();
    if slot_of(id).is_none() {
        return Err(Usage(format!("{text:?} is not a batch id such as 2026-11-22T14:00:00Z/listings/USD")));
    }
    Ok(BatchId::from_stored(id))
}

fn slot_of(id: &str) -> Option<DateTime<Utc>> {
    id.split('/').next().and_then(timestamp::from_text)
}

/// Batches whose slot is in a span of time, or certain ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    batch: Option<BatchId>,
    among: Option<BTreeSet<BatchId>>,
}

impl Selection {
    /// These batches.
    pub(crate) fn among(batches: BTreeSet<BatchId>) -> Self {
        let from = batches.iter().filter_map(|batch| slot_of(batch.as_str())).min();
        Self { from, to: None, batch: None, among: Some(batches) }
    }

    /// What `args` ask for at `now`.
    pub(crate) fn new(args: &SpanArgs, now: DateTime<Utc>) -> Result<Self, Usage> {
        let mut selection = Self { from: args.from, to: args.to, batch: None, among: None };
        if let Some(last) = args.last {
            let last = TimeDelta::from_std(last).ok().and_then(|last| now.checked_sub_signed(last));
            selection.from =
                Some(last.ok_or_else(|| Usage("--last goes back too far; use --all".to_owned()))?);
        }
        if let Some(id) = &args.batch {
            let id = batch_id(id).map_err(|Usage(wrong)| Usage(format!("--batch: {wrong}")))?;
            // The archive is searched from there on.
            selection.from = slot_of(id.as_str());
            selection.batch = Some(id);
        }
        if let (Some(from), Some(to)) = (selection.from, selection.to)
            && from >= to
        {
            let (from, to) = (timestamp::to_text(from), timestamp::to_text(to));
            return Err(Usage(format!("--to {to} is not after {from}: the span is empty")));
        }
        Ok(selection)
    }

    /// The batch that was named.
    pub(crate) fn batch(&self) -> Option<&BatchId> {
        self.batch.as_ref()
    }

    /// Since when its pages can be in the archive: they are fetched when their slot has begun.
    pub(crate) fn archived_since(&self) -> Option<DateTime<Utc>> {
        self.from.map(|from| from.checked_sub_signed(SKEW).unwrap_or(from))
    }

    /// Whether it wants this page.
    pub(crate) fn wants(&self, page: &PageMeta) -> bool {
        self.wants_batch(&page.batch, page.slot)
    }

    /// Whether it wants this batch.
    pub(crate) fn wants_batch(&self, id: &BatchId, slot: Slot) -> bool {
        let slot = slot.starts_at();
        self.from.is_none_or(|from| slot >= from)
            && self.to.is_none_or(|to| slot < to)
            && self.batch.as_ref().is_none_or(|batch| batch == id)
            && self.among.as_ref().is_none_or(|batches| batches.contains(id))
    }
}

#[cfg(test)]
mod tests {
    use domain::{ApiVersion, Origin};

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        instant(text).unwrap()
    }

    fn page(slot: &str) -> PageMeta {
        let slot = Slot::at(at(slot));
        let convert = vec!["USD".to_owned()];
        PageMeta {
            batch: BatchId::new(slot, "listings", &convert),
            slot,
            page: 1,
            pages: 1,
            fetched_at: slot.starts_at(),
            endpoint: "listings".to_owned(),
            api_version: ApiVersion::V3,
            convert,
            currency: None,
            simulated: false,
            origin: Origin::Live,
        }
    }

    fn wanted(args: &SpanArgs) -> Vec<&'static str> {
        let selection = Selection::new(args, at("2026-11-22T12:30:00Z")).unwrap();
        let slots = ["2026-11-21T00:00:00Z", "2026-11-22T11:00:00Z", "2026-11-22T12:00:00Z"];
        slots.into_iter().filter(|slot| selection.wants(&page(slot))).collect()
    }

    #[test]
    fn a_span_begins_with_its_first_slot_and_ends_before_its_last() {
        let args = SpanArgs::default;
        let (day, hour) = (Some(at("2026-11-22")), Some(at("2026-11-22T12:00:00Z")));
        assert_eq!(wanted(&SpanArgs { all: true, ..args() }).len(), 3);
        assert_eq!(wanted(&SpanArgs { from: day, to: hour, ..args() }), ["2026-11-22T11:00:00Z"]);
        assert_eq!(wanted(&SpanArgs { to: day, ..args() }), ["2026-11-21T00:00:00Z"]);
        assert_eq!(wanted(&SpanArgs { from: hour, ..args() }), ["2026-11-22T12:00:00Z"]);
        let last = Some(Duration::from_hours(2));
        assert_eq!(wanted(&SpanArgs { last, ..args() }), ["2026-11-22T11:00:00Z", "2026-11-22T12:00:00Z"]);
        for id in ["2026-11-22T11:00:00Z/listings/USD", "2026-11-22T11:00:00Z/listings/USD (simulated)"] {
            let batch = Some(id.to_owned());
            assert_eq!(wanted(&SpanArgs { batch, ..args() }), ["2026-11-22T11:00:00Z"]);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let now = at("2026-11-22");
        let backwards = SpanArgs { from: Some(now), to: Some(now), ..SpanArgs::default() };
        assert!(Selection::new(&backwards, now).unwrap_err().0.contains("empty"));
        let batch = SpanArgs { batch: Some("yesterday".to_owned()), ..SpanArgs::default() };
        assert!(Selection::new(&batch, now).unwrap_err().0.contains("not a batch id"));
        let last = SpanArgs { last: Some(Duration::MAX), ..SpanArgs::default() };
        assert!(Selection::new(&last, now).unwrap_err().0.contains("--all"));
    }
}
