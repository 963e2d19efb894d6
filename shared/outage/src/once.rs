//! Saying once that something is away, and once that it is back.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether something is away that is used beside the work.
#[derive(Debug, Default)]
pub struct AwayOnce {
    is_away: AtomicBool,
}

impl AwayOnce {
    /// It failed; `true` when that is news.
    pub fn failed(&self) -> bool {
        !self.is_away.swap(true, Ordering::SeqCst)
    }

    /// It worked; `true` when that is news.
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
