//! Living with what may be away.
//!
//! - [`Backoff`] says how long to wait.
//! - [`Outage`] is what one loop knows: whether its own work failed, when to try again, and what of it is news for the log.
//! - [`Gate`] is what all callers of one server or file in a process know together: who may call it now.
//! - [`AwayOnce`] is for what is used beside the work, where one line about its absence and one about its end are enough.
//!
//! Loop and gate are two, because they end at different things. The gate opens when a call works. A loop goes on as before
//! only when a message was handled: its calls may work one by one, and the work may fail all the same (another server, a
//! full disk behind a read that works). So a gate counts calls, which it can hold back, and a loop counts work and logs.

mod away;
mod backoff;
pub mod gate;
mod once;
mod outage;

pub use away::Away;
pub use backoff::{Backoff, Growth};
pub use gate::{Gate, Need, Pass};
pub use once::AwayOnce;
pub use outage::{Missing, News, Outage};
