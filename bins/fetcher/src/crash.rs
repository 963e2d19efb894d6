//! Where tests make the fetcher crash.

use domain::StageName;
use stage::{Crash, Failpoints, Point};
use tokio_util::sync::CancellationToken;

/// The fetcher's failpoints; normally none.
#[derive(Clone, Default)]
pub(crate) struct Crashes {
    failpoints: Failpoints,
    crashed: CancellationToken,
}

impl Crashes {
    pub(crate) fn at(failpoints: Failpoints) -> Self {
        Self { failpoints, crashed: CancellationToken::new() }
    }

    /// Goes past `point`, or never goes on.
    pub(crate) async fn pass(&self, point: Point) {
        if self.failpoints.pass(StageName::Fetcher, point).await.is_err() {
            self.crashed.cancel();
            std::future::pending::<()>().await;
        }
    }

    /// Returns when a failpoint asked for a crash: everything is to be dropped where it is.
    pub(crate) async fn crashed(&self) -> Crash {
        self.crashed.cancelled().await;
        Crash
    }
}
