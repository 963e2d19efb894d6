//! Slows down whoever guesses tokens. Sessions are not slowed: a signature cannot be guessed.

use std::time::Duration;

use ports::Clock;
use tokio::sync::Semaphore;

/// Attempts at once, for all who try together: addresses say little behind a proxy.
const AT_ONCE: usize = 4;
/// How long an attempt that failed takes.
const FAILED: Duration = Duration::from_secs(1);
/// The longest wait for one's turn.
const LONGEST: Duration = Duration::from_secs(4);

/// The attempts that run.
pub(crate) struct Attempts(Semaphore);

/// There are more attempts than can be taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Attempts {
    pub(crate) fn new() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }

    /// Makes an attempt when it is its turn. One that fails takes a second, and its turn as long.
    pub(crate) async fn make<T>(
        &self,
        clock: &dyn Clock,
        attempt: impl FnOnce() -> Option<T>,
    ) -> Result<Option<T>, TooMany> {
        let turn = tokio::select! {
            biased;
            turn = self.0.acquire() => turn.map_err(|_| TooMany)?,
            () = clock.sleep(LONGEST) => return Err(TooMany),
        };
        let made = attempt();
        if made.is_none() {
            clock.sleep(FAILED).await;
        }
        drop(turn);
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use ports::SystemClock;
    use tokio::time::Instant;

    use super::*;

    /// However many guess at once, four of them are tried in a second; the rest is turned away.
    #[tokio::test(start_paused = true)]
    async fn guesses_are_few_and_a_right_one_is_not_slowed() {
        let attempts = Arc::new(Attempts::new());
        let start = Instant::now();
        assert_eq!(attempts.make(&SystemClock, || Some(1)).await, Ok(Some(1)));
        assert_eq!(start.elapsed(), Duration::ZERO);
        let tried = Arc::new(AtomicU32::new(0));
        let guesses: Vec<_> = (0..200)
            .map(|_| {
                let (attempts, tried) = (Arc::clone(&attempts), Arc::clone(&tried));
                tokio::spawn(async move {
                    let guess = || {
                        tried.fetch_add(1, Ordering::Relaxed);
                        None::<u32>
                    };
                    attempts.make(&SystemClock, guess).await
                })
            })
            .collect();
        let mut turned_away = 0;
        for guess in guesses {
            turned_away += u32::from(guess.await.unwrap() == Err(TooMany));
        }
        let tried = tried.load(Ordering::Relaxed);
        assert!((16..=20).contains(&tried) && tried + turned_away == 200, "{tried}, {turned_away}");
        assert!(start.elapsed() <= Duration::from_secs(6), "{:?}", start.elapsed());
    }
}
