//! What the history takes when that is more than it should: what is asked for next is priced by it.

use serde::{Deserialize, Serialize};

/// Credits that were taken, and that should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dearer {
    /// That should have been.
    pub(crate) price: u64,
    /// That were.
    pub(crate) taken: u64,
}

impl Dearer {
    /// What is taken for what should cost `price`, rounded up.
    pub(crate) fn of(self, price: u64) -> u64 {
        price.saturating_mul(self.taken).div_ceil(self.price.max(1)).max(price)
    }

    /// What is kept of it.
    pub(crate) fn to_json(self) -> Vec<u8> {
        serde_json::to_vec(&self).expect("numbers are JSON")
    }

    /// What was kept; `None` when it makes no sense.
    pub(crate) fn from_json(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_next_is_priced_by_what_was_taken() {
        let dearer = Dearer { price: 3, taken: 200 };
        assert_eq!([0, 1, 3, 6].map(|price| dearer.of(price)), [0, 67, 200, 400]);
        assert_eq!(Dearer::from_json(&dearer.to_json()), Some(dearer));
        assert_eq!(Dearer::from_json(b""), None);
    }
}
