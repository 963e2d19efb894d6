//! The ports: traits through which stages reach queues, stores and clocks.
//!
//! What a trait's documentation promises, the contract suites of crate `testkit` check: an adapter that passes them can replace
//! any other.

pub mod archive;
pub mod clock;
pub mod leader;
pub mod queue;
pub mod source;
pub mod store;

pub use archive::{Archive, ArchiveRange, Archived};
pub use clock::{Clock, SystemClock};
/// Callers of the ports name queues, so they find the name here too.
pub use domain::QueueName;
pub use leader::{Leadership, Term};
pub use queue::{Consumer, Delivery, Depth, Queue, QueueError, Receipt, Settlement};
pub use source::LegacyTable;
pub use store::{
    Action, AlertGroup, BatchRecord, Browse, CLOCK_SKEW, Channel, Claim, ClaimedMail, Covered, DataKinds,
    Death, Desk, DeskLetter, DropPortion, DropPosition, Dropped, Drops, FLAPPING, FLAPPING_WITHIN, Fate,
    FetchedSlot, FiledCounts, FiledLetter, Freshness, GroupState, Handling, HourOfGroup, Kept, Ledger,
    LedgerLine, LetterFilter, LetterKey, LetterState, LetterSummary, Letters, Life, ListedCoin, Loaded,
    LoggedAction, Mail, MailResult, MailTrouble, Marked, Outbox, OutboxState, Planner, PostedMail, Posting,
    ProcessRecord, Processes, Proofs, QuoteKey, Quotes, Refused, Schedules, Silence, Silences, StageRate,
    Store, StoreError, TopCoin, Totals, Unsettled,
};
