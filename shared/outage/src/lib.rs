//! Living with what may be away.
//!
//! - [`Backoff`] says how long to wait.
//! - [`Outage`] belongs to one loop: whether its work failed, when to try again, and what to log. [`rounds`] is such a loop, for
//!   work that is done now and then.
//! - [`until_answered`] is one call that is made again.
//! - [`Gate`] is shared by all callers of one server or file in a process: who may call it now.
//! - [`AwayOnce`] is for what is used beside the work, where one log line when it goes away and one when it is back are
//!   enough.
//!
//! Loop and gate are two, because different things end them. A call that works opens the gate. A loop goes on as before
//! only when a message was handled, because single calls may work while the work fails (another server is away, or the disk
//! is full and only reads work). So the gate counts calls and holds them back; the loop counts work and logs.

mod answer;
mod away;
mod backoff;
pub mod gate;
mod once;
mod outage;

pub use answer::until_answered;
pub use away::Away;
pub use backoff::{Backoff, Growth};
pub use gate::{Gate, Need, Pass};
pub use once::AwayOnce;
pub use outage::{News, Outage, Resource, rounds};
