//! The ports: traits through which stages reach queues, stores and clocks.
//!
//! Each port comes with an in-memory version (`memory`) for tests and a contract suite (`contract`)
//! that the in-memory version and every real adapter pass. What a trait's documentation promises, the
//! suite checks; an adapter that passes the suite can replace any other.

pub mod clock;
pub mod contract;
pub mod judgement;
pub mod leader;
pub mod ledger;
pub mod memory;
pub mod queue;
pub mod rules;
pub mod source;
pub mod store;

pub use clock::{Clock, ManualClock, SystemClock};
pub use leader::{Leadership, Term};
pub use queue::{
    Archive, Archived, Consumer, Delivery, Depth, Queue, QueueError, QueueName, Receipt, Settlement, Stretch,
};
pub use source::SourceTable;
pub use store::{
    AlertGroup, BatchRecord, CLOCK_SKEW, Claim, ClaimedMail, Covered, DataOrigins, Death, Fate, FiledLetter,
    Freshness, GroupState, Ledger, LetterSummary, Letters, ListedCoin, Loaded, Mail, MailResult, MailTrouble,
    Outbox, Planner, PostedMail, Posting, Quotes, Refused, Standing, Store, StoreError, TopCoin, Totals,
};
