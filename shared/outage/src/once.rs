//! Logging once that something is away, and once that it is back.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether something is away that is used beside the work.
#[derive(Debug, Default)]
pub struct AwayOnce {
    is_away: AtomicBool,
}

impl AwayOnce {
    /// Records a failure; `true` when it is the first since a success.
    pub fn failed(&self) -> bool {
        !self.is_away.swap(true, Ordering::SeqCst)
    }

    /// Records a success; `true` when it is the first since a failure.
    pub fn worked(&self) -> bool {
        self.is_away.swap(false, Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_news() {
        let away = AwayOnce::default();
        assert!(!away.worked());
        assert!(away.failed() && !away.failed());
        assert!(away.worked() && !away.worked());
    }
}
