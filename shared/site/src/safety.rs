//! Who may look, and who may act.
//!
//! Every request passes [`gate()`], whichever route it is for; [`acting()`] makes the routes that change something; [`headers()`] says to
//! browsers what a view may do.

mod acting;
mod gate;
mod headers;
mod login;
mod origin;

#[cfg(test)]
mod tests;

pub(crate) use acting::{Act, acting};
pub(crate) use gate::{check_may_act, gate};
pub(crate) use headers::headers;
pub(crate) use login::routes;
