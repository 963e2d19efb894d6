//! Pages of a batch that are worth asking for again.

use std::collections::HashMap;

/// Pages of a batch that were asked for and are not as they should be.
#[derive(Default)]
pub(super) struct Doubts {
    /// How often each was asked for, and what that cost for which nothing was kept.
    pub(super) asked: HashMap<u32, (u32, u32)>,
    /// Pages that are there and are asked for again.
    pub(super) again: Vec<u32>,
    /// Whether asking again did not help once: then it is not tried with other pages.
    pub(super) in_vain: bool,
}

impl Doubts {
    /// A page that is there and is to be asked for again.
    pub(super) fn next(&self) -> Option<u32> {
        self.again.first().copied()
    }
}
