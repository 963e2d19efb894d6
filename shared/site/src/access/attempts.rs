//! Slows down whoever tries wrong tokens. A right one waits for nobody: it is compared before anything else, in constant time.

use std::sync::Arc;
use std::time::Duration;

use ports::Clock;
use tokio::sync::Semaphore;
use tracing::warn;

/// Wrong tokens that are answered at once, for all who try together: addresses say little behind a proxy.
const AT_ONCE: usize = 4;
/// How long a wrong token takes.
const FAILED: Duration = Duration::from_secs(1);

/// The wrong tokens that are being answered.
pub(crate) struct Attempts(Arc<Semaphore>);

/// There are more wrong tokens than are answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Attempts {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }

    /// Logs `what`, that a token was wrong, and takes a second for it; an error at once when no turn is free.
    pub(crate) async fn fail(&self, clock: &Arc<dyn Clock>, what: &'static str) -> Result<(), TooMany> {
        let turn = Arc::clone(&self.0).try_acquire_owned().map_err(|_| TooMany)?;
        warn!("{what}");
        // A task of its own: a client that hangs up does not get its turn back earlier.
        let clock = Arc::clone(clock);
        let taken = tokio::spawn(async move {
            clock.sleep(FAILED).await;
            drop(turn);
        });
        // It fails only when the process ends.
        let _ = taken.await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use testkit::clock::ManualClock;

    use super::*;

    #[tokio::test]
    async fn whoever_hangs_up_keeps_the_turn_until_its_second_is_over() {
        let manual = ManualClock::default();
        let clock: Arc<dyn Clock> = Arc::new(manual.clone());
        let attempts = Attempts::new();
        for _ in 0..AT_ONCE {
            tokio::select! {
                biased;
                failed = attempts.fail(&clock, "wrong") => panic!("{failed:?}"),
                () = ready(()) => {}
            }
        }
        // The tasks begin to wait.
        for _ in 0..9 {
            tokio::task::yield_now().await;
        }
        assert_eq!(attempts.0.available_permits(), 0);
        assert_eq!(attempts.fail(&clock, "wrong").await, Err(TooMany), "at once");
        manual.advance(FAILED);
        for _ in 0..9 {
            tokio::task::yield_now().await;
        }
        assert_eq!(attempts.0.available_permits(), AT_ONCE);
    }
}
