//! How a replay tells how far it is.

use std::fmt::Display;

/// What became of the letters so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// How many were sent.
    pub done: u64,
    /// How many of these arrived.
    pub arrived: u64,
    /// How many of these died again.
    pub came_back: u64,
    /// They have no message, or it is not there any more.
    pub nowhere: u64,
    /// Why the first of those was not sent.
    pub why_nowhere: &'static str,
}

impl Sent {
    /// How many were sent and not heard of yet: when they do not come back, they are resolved.
    pub fn watched(&self) -> u64 {
        self.done.saturating_sub(self.arrived + self.came_back)
    }
}

/// Who is told how far a replay is.
pub trait Progress: Send + Sync {
    /// So far it is.
    fn went(&self, sent: &Sent);

    /// The letter `id` cannot be sent.
    fn not_sent(&self, id: &str, why: &str);

    /// It waits for what becomes of so many `letters`.
    fn waits(&self, letters: usize);

    /// So many `messages` are in the queues, and nothing moves.
    fn stands_still(&self, messages: u64);

    /// Queue or store do not answer, and are asked again.
    fn is_away(&self, error: &dyn Display);
}
