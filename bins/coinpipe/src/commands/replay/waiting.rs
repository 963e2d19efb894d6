//! Calls queue or store again while they are away.

use outage::{Away, Backoff};
use ports::Clock;
use tokio_util::sync::CancellationToken;

use crate::output;

/// Calls queue or store until it answers. When stopped before that, the answer is the default.
pub(crate) async fn until_answered<T: Default, E: Away + Into<anyhow::Error>>(
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
                Err(error) if error.is_away() => error,
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
