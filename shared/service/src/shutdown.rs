//! Stopping: a soft request first (take nothing new, finish what is in flight), a hard one after it.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// The two stop requests of a process. Clones share them. It is passed on, never global.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// From outside, by a signal.
    asked: CancellationToken,
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Shutdown {
    /// That somebody outside asked the process to stop, with a signal. What stops by itself was not asked.
    pub(crate) fn asked(&self) -> CancellationToken {
        self.asked.clone()
    }

    /// The request to drain.
    pub fn soft(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// The request to stop at once.
    pub fn hard(&self) -> CancellationToken {
        self.hard.clone()
    }

    /// Listens to SIGTERM and SIGINT: the first asks to drain within `drain`, the second to stop at once.
    pub(crate) fn listen(&self, drain: Duration) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            let mut next = async || {
                tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                }
            };
            let first = next().await;
            info!(signal = first, "stopping: finishing what is in flight; a second signal stops at once");
            shutdown.asked.cancel();
            shutdown.soft.cancel();
            tokio::select! {
                second = next() => warn!(signal = second, "stopping at once; messages in flight will be delivered again"),
                () = tokio::time::sleep(drain) => {
                    warn!(?drain, "not finished in time; messages in flight will be delivered again");
                }
            }
            shutdown.hard.cancel();
        });
        Ok(())
    }
}
