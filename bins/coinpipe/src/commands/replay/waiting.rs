//! Calls queue or store again while they are away.

use outage::Backoff;
use ports::{Clock, QueueError, StoreError};
use tokio_util::sync::CancellationToken;

use crate::output;

/// An error that may be gone at the next call.
pub(super) trait MaybeTransient: std::error::Error + Send + Sync + 'static {
    fn is_transient(&self) -> bool;
}

impl MaybeTransient for QueueError {
    fn is_transient(&self) -> bool {
        Self::is_transient(self)
    }
}

impl MaybeTransient for StoreError {
    fn is_transient(&self) -> bool {
        Self::is_transient(self)
    }
}

/// Calls queue or store until it answers, or until asked to stop; then the answer is the default.
pub(super) async fn until_answered<T: Default, E: MaybeTransient>(
    clock: &dyn Clock,
    stop: &CancellationToken,
    mut call: impl AsyncFnMut() -> Result<T, E>,
) -> anyhow::Result<T> {
    let mut backoff = Backoff::default();
    loop {
        let error = tokio::select! {
            () = stop.cancelled() => return Ok(T::default()),
            answer = call() => match answer {
                Ok(answer) => return Ok(answer),
                Err(error) if error.is_transient() => error,
                Err(error) => return Err(error.into()),
            },
        };
        if backoff.is_fresh() {
            output::say(format!("waiting   {error}"));
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = clock.sleep(backoff.next_wait()) => {}
        }
    }
}
