//! Who asks, as far as a request tells, and what the settings let them do. It knows no view: what it decides on is in `safety`.

mod attempts;
mod guard;
pub(crate) mod hosts;
mod session;
mod tokens;
mod visitor;

pub(crate) use guard::{Guard, Reading};
pub(crate) use session::Session;
pub(crate) use visitor::{Proof, Role, Visitor};
