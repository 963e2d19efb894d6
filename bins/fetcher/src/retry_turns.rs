//! How the fetcher's loops wait for a server or disk that is away: they take turns, so that together they ask no more often
//! than one would, and all of them continue as soon as one finds that it is back.

use std::sync::Arc;
use std::time::Duration;

use ports::Clock;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

/// The turns in which the loops of a fetcher wait and try again.
pub(crate) struct RetryTurns {
    clock: Arc<dyn Clock>,
    /// Locked by the loop whose turn it is to wait and then to ask.
    turn: Mutex<()>,
    healed: Notify,
}

impl RetryTurns {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, turn: Mutex::default(), healed: Notify::new() }
    }

    /// Waits for `wait`, after the others' waits, or until something that was away is back. `false` when `stop` came first.
    pub(crate) async fn wait(&self, wait: Duration, stop: &CancellationToken) -> bool {
        let mut healed = std::pin::pin!(self.healed.notified());
        healed.as_mut().enable();
        let waiting = async {
            let _turn = self.turn.lock().await;
            self.clock.sleep(wait).await;
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => false,
            () = waiting => true,
            () = healed => true,
        }
    }

    /// Something that was away is back: every loop that waits tries again now.
    pub(crate) fn healed(&self) {
        self.healed.notify_waiters();
    }
}
