//! The ports: traits through which stages reach queues, stores and clocks.
//!
//! What a trait's documentation promises, the contract suites of crate `testkit` check: an adapter that passes them can replace
//! any other.

pub mod clock;
pub mod leader;
pub mod queue;
pub mod source;
pub mod store;

pub use clock::{Clock, SystemClock};
pub use leader::{Leadership, Term};
pub use queue::{
    Archive, ArchiveRange, Archived, Consumer, Delivery, Depth, Queue, QueueError, QueueName, Receipt,
    Settlement,
};
pub use source::LegacyTable;
pub use store::{
    AlertGroup, BatchRecord, CLOCK_SKEW, Claim, ClaimedMail, Covered, DataKinds, Death, Fate, FiledLetter,
    Freshness, GroupState, Ledger, LetterSummary, Letters, ListedCoin, Loaded, Mail, MailResult, MailTrouble,
    Outbox, OutboxState, Planner, PostedMail, Posting, Quotes, Refused, Store, StoreError, TopCoin, Totals,
};
