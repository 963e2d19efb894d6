//! A call that is made again until it is answered.

use ports::Clock;
use tokio_util::sync::CancellationToken;

use crate::{Away, Backoff};

/// Calls what may be away until it answers; `tell` hears of the first time that it did not. When stopped before that, the answer is
/// the default.
///
/// # Errors
///
/// What waiting does not help.
pub async fn until_answered<T: Default, E: Away>(
    clock: &dyn Clock,
    stop: &CancellationToken,
    mut call: impl AsyncFnMut() -> Result<T, E>,
    tell: impl Fn(&E),
) -> Result<T, E> {
    let mut backoff = Backoff::default();
    loop {
        let error = tokio::select! {
            () = stop.cancelled() => return Ok(T::default()),
            answer = call() => match answer {
                Err(error) if error.is_away() => error,
                answer => return answer,
            },
        };
        if backoff.is_fresh() {
            tell(&error);
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = clock.sleep(backoff.next_wait()) => {}
        }
    }
}
