//! The labels and the values that they can have.

use domain::StageName;
use prometheus_client::encoding::EncodeLabelSet;

/// The program.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BuildLabel {
    pub(super) version: &'static str,
}

/// Labels of a stage's series.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StageLabel {
    pub(super) stage: &'static str,
}

/// Labels of settled messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OutcomeLabel {
    pub(super) stage: &'static str,
    pub(super) outcome: &'static str,
}

/// Labels of dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ClassLabel {
    pub(super) stage: &'static str,
    pub(super) class: &'static str,
}

/// Labels of filed letters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct FiledLabel {
    pub(super) class: &'static str,
}

/// Labels of rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RowsLabel {
    pub(super) stage: &'static str,
    pub(super) result: &'static str,
}

/// Labels of snapshots.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EndingLabel {
    pub(super) ending: &'static str,
}

/// Labels of connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ToLabel {
    pub(super) to: &'static str,
}

/// Labels of a queue's series.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct QueueLabel {
    pub(super) queue: &'static str,
}

/// Labels of a queue's messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct QueueStateLabel {
    pub(super) queue: &'static str,
    pub(super) state: &'static str,
}

/// How a delivery was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Handled.
    Done,
    /// To be tried again.
    Retry,
    /// Given back because something else was away.
    Outage,
    /// To the dead letters.
    Dead,
}

impl Outcome {
    pub(super) const ALL: [Self; 4] = [Self::Done, Self::Retry, Self::Outage, Self::Dead];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retry => "retry",
            Self::Outage => "outage",
            Self::Dead => "dead",
        }
    }
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// A coin passed the rules.
    Cleaned,
    /// A coin broke a rule.
    Rejected,
    /// A quote is the newest of its coin now.
    Written,
    /// A quote was there already.
    Unchanged,
    /// A quote is older than what was there; it is history.
    Stale,
    /// A quote was refused by the database.
    Refused,
}

impl Rows {
    pub(super) const ALL: [Self; 6] =
        [Self::Cleaned, Self::Rejected, Self::Written, Self::Unchanged, Self::Stale, Self::Refused];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Cleaned => "cleaned",
            Self::Rejected => "rejected",
            Self::Written => "written",
            Self::Unchanged => "unchanged",
            Self::Stale => "stale",
            Self::Refused => "refused",
        }
    }

    /// Whose result it is.
    pub(super) const fn stage(self) -> StageName {
        match self {
            Self::Cleaned | Self::Rejected => StageName::Transformer,
            Self::Written | Self::Unchanged | Self::Stale | Self::Refused => StageName::Loader,
        }
    }
}

/// How a snapshot ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshot {
    /// All of it was fetched.
    Complete,
    /// The fetcher gave it up.
    GaveUp,
}

impl Snapshot {
    pub(super) const ALL: [Self; 2] = [Self::Complete, Self::GaveUp];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::GaveUp => "gave_up",
        }
    }
}

/// What a process is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The queue.
    Queue,
    /// The store.
    Store,
}

impl To {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Store => "store",
        }
    }
}
