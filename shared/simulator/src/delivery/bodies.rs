//! Bodies that go wrong: far too large, none at all, cut off, in small pieces.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use ports::Clock;
use tokio_util::sync::CancellationToken;

use super::headed;

/// A trickled body leaves in so many pieces.
const PIECES: usize = 20;
/// A huge body is so many megabytes of spaces: twice what a careful client reads.
const HUGE_MEGABYTES: usize = 128;

/// A valid listing without coins and with an absurd amount of space: made while it is read, so that the
/// simulator does not need the memory that it asks of the client.
pub(crate) fn huge(gzip: bool) -> Response {
    let mut encoder = gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast()));
    let pieces = (0..=HUGE_MEGABYTES + 1).map(move |piece| {
        let plain = match piece {
            0 => br#"{"status":{"error_code":0},"data":["#.to_vec(),
            piece if piece <= HUGE_MEGABYTES => vec![b' '; 1 << 20],
            _ => b"]}".to_vec(),
        };
        let Some(gzip) = encoder.as_mut() else { return Ok(plain) };
        gzip.write_all(&plain)?;
        if piece > HUGE_MEGABYTES {
            gzip.try_finish()?;
        }
        Ok(std::mem::take(gzip.get_mut()))
    });
    let filled = pieces.filter(|piece: &io::Result<Vec<u8>>| !matches!(piece, Ok(bytes) if bytes.is_empty()));
    headed(200, "application/json; charset=utf-8", gzip, Body::from_stream(stream::iter(filled)))
}

/// `half`, and then an error, which closes the connection.
pub(super) fn cut_off(half: Bytes) -> Body {
    Body::from_stream(stream::unfold(Some(half), |half| async {
        if let Some(half) = half {
            return Some((Ok(half), None));
        }
        // The server only flushes what it has when the body makes it wait: without this the client might see
        // the connection close before it sees the first half.
        tokio::task::yield_now().await;
        Some((Err(io::Error::other("closed on purpose")), None))
    }))
}

pub(super) fn trickled(body: Bytes, over: Duration, clock: Arc<dyn Clock>, stop: CancellationToken) -> Body {
    let size = body.len().div_ceil(PIECES).max(1);
    let pause = over / u32::try_from(PIECES).unwrap_or(1);
    Body::from_stream(stream::unfold((body, clock, stop), move |(mut body, clock, stop)| async move {
        if body.is_empty() {
            return None;
        }
        let piece = body.split_to(size.min(body.len()));
        let paused = stop.run_until_cancelled(clock.sleep(pause)).await;
        let piece = paused.map(|()| piece).ok_or_else(|| io::Error::other("the simulator stops"));
        Some((piece, (body, clock, stop)))
    }))
}

/// An empty answer.
pub(crate) fn empty() -> Response {
    headed(200, "application/json; charset=utf-8", false, Body::empty())
}
