//! Named points at which a test can make a stage crash, hang or fail.
//!
//! `COINPIPE_FAILPOINT=transformer.published:abort` makes the real binary die at that point, as a
//! power cut would; the scenario tests use the same names inside one process.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::StageName;

/// Where in its loop a stage can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A message was received, nothing was done.
    Received,
    /// The message was handled, its outputs are not published.
    Handled,
    /// The outputs are durable, the input is not settled.
    Published,
    /// The input is settled.
    Settled,
    /// Fetcher: the spool says that a slot is about to be claimed, and it is not claimed.
    Intended,
    /// Fetcher: the slot is claimed, and the spool does not say so yet.
    Claimed,
    /// Fetcher: the spool says that the slot is claimed, and a page is about to be asked for.
    Asking,
    /// Fetcher: a page arrived, and is not in the spool.
    Answered,
    /// Fetcher: a page is in the spool.
    Kept,
    /// Fetcher: a batch is ready to be published.
    Sealed,
}

impl Point {
    /// The points of the loop, in its order.
    pub const ALL: [Self; 4] = [Self::Received, Self::Handled, Self::Published, Self::Settled];

    /// The points of the fetcher, which has no input, in its order: published is a batch that is in the queue and still in
    /// the spool, settled one that left the spool.
    pub const FETCHER: [Self; 8] = [
        Self::Intended,
        Self::Claimed,
        Self::Asking,
        Self::Answered,
        Self::Kept,
        Self::Sealed,
        Self::Published,
        Self::Settled,
    ];

    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Handled => "handled",
            Self::Published => "published",
            Self::Settled => "settled",
            Self::Intended => "intended",
            Self::Claimed => "claimed",
            Self::Asking => "asking",
            Self::Answered => "answered",
            Self::Kept => "kept",
            Self::Sealed => "sealed",
        }
    }
}

/// What happens at the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// The process aborts.
    Abort,
    /// The stage never goes on.
    Hang,
    /// The stage stops as if the process had died: nothing is settled any more.
    Error,
}

/// A crash that a failpoint asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped by a failpoint")]
pub struct Crash;

/// The failpoints of a process; normally none.
#[derive(Clone, Debug, Default)]
pub struct Failpoints {
    armed: Option<Arc<Armed>>,
}

#[derive(Debug)]
struct Armed {
    stage: StageName,
    point: Point,
    action: Action,
    /// Passes that go through before the action.
    remaining: AtomicU32,
}

/// The text is not a failpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a failpoint: write STAGE.POINT:ACTION[:AFTER], where POINT is received, handled, published or \
     settled (fetcher: intended, claimed, asking, answered, kept, sealed, published or settled), ACTION is abort, \
     hang or err, and AFTER is how many times to pass first"
)]
pub struct BadFailpoint(String);

impl Failpoints {
    /// No failpoints.
    pub fn none() -> Self {
        Self::default()
    }

    /// Acts on the failpoint when `stage` passes `point`. `Err` asks the caller to stop dead.
    pub async fn pass(&self, stage: StageName, point: Point) -> Result<(), Crash> {
        let Some(armed) = self.armed.as_deref() else { return Ok(()) };
        if (armed.stage, armed.point) != (stage, point) {
            return Ok(());
        }
        let passes_first = armed
            .remaining
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok();
        if passes_first {
            return Ok(());
        }
        match armed.action {
            Action::Abort => std::process::abort(),
            Action::Hang => std::future::pending().await,
            Action::Error => Err(Crash),
        }
    }
}

impl FromStr for Failpoints {
    type Err = BadFailpoint;

    fn from_str(text: &str) -> Result<Self, BadFailpoint> {
        let parse = || {
            let (place, action) = text.split_once(':')?;
            let (stage, point) = place.split_once('.')?;
            let (action, after) = action.split_once(':').unwrap_or((action, "0"));
            let stage = stage.parse().ok()?;
            let points = if stage == StageName::Fetcher { &Point::FETCHER[..] } else { &Point::ALL };
            Some(Armed {
                stage,
                point: points.iter().copied().find(|known| known.as_str() == point)?,
                action: match action {
                    "abort" => Action::Abort,
                    "hang" => Action::Hang,
                    "err" => Action::Error,
                    _ => return None,
                },
                remaining: AtomicU32::new(after.parse().ok()?),
            })
        };
        let armed = parse().ok_or_else(|| BadFailpoint(text.to_owned()))?;
        Ok(Self { armed: Some(Arc::new(armed)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failpoint_acts_at_its_point_only_and_after_its_passes() {
        let points: Failpoints = "loader.published:err:1".parse().unwrap();
        assert_eq!(points.pass(StageName::Loader, Point::Settled).await, Ok(()));
        assert_eq!(points.pass(StageName::Alerter, Point::Published).await, Ok(()));
        assert_eq!(points.pass(StageName::Loader, Point::Published).await, Ok(()));
        assert_eq!(points.pass(StageName::Loader, Point::Published).await, Err(Crash));
    }

    #[test]
    fn a_bad_failpoint_says_how_to_write_one() {
        for text in [
            "",
            "loader",
            "loader.published",
            "loader.nowhere:err",
            "nobody.handled:err",
            "loader.handled:x",
            // Each has points of its own.
            "loader.claimed:err",
            "fetcher.received:err",
        ] {
            let error = text.parse::<Failpoints>().unwrap_err().to_string();
            assert!(error.contains("STAGE.POINT:ACTION"), "{error}");
        }
    }
}
