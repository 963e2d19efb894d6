//! What is known of who asks, and what the settings say of it. `safety` decides by it.

mod attempts;
pub(crate) mod guard;
pub(crate) mod hosts;
pub(crate) mod session;
mod tokens;
pub(crate) mod visitor;
