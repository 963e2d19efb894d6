//! When to look for a slot: clokwerk rings a bell at the beginning of each.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use clokwerk::{AsyncScheduler, Interval};
use ports::Clock;
use tokio::sync::mpsc;

/// How often clokwerk is asked whether it is time.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Rings `bell` at the beginning of each slot, for ever. A bell that still rings is not rung again.
pub(crate) async fn ring(every: Duration, clock: Arc<dyn Clock>, bell: mpsc::Sender<()>) {
    let mut scheduler = scheduler(every, &bell);
    let mut before = clock.now();
    loop {
        scheduler.run_pending().await;
        clock.sleep(POLL_INTERVAL).await;
        let now = clock.now();
        if now < before {
            // clokwerk has fixed its next run and would be silent until a clock that was set back has
            // caught up.
            scheduler = self::scheduler(every, &bell);
        }
        before = now;
    }
}

/// In UTC: in a zone with summer time clokwerk panics. Its job only rings, as a job that takes long or
/// panics would stop all others.
fn scheduler(every: Duration, bell: &mpsc::Sender<()>) -> AsyncScheduler<Utc> {
    let seconds = u32::try_from(every.as_secs()).unwrap_or(u32::MAX).max(1);
    let mut scheduler = AsyncScheduler::with_tz(Utc);
    let bell = bell.clone();
    scheduler.every(Interval::Seconds(seconds)).run(move || {
        // Full: it rings already.
        let _ = bell.try_send(());
        std::future::ready(())
    });
    scheduler
}

#[cfg(test)]
mod tests {
    use ports::SystemClock;

    use super::*;

    #[tokio::test]
    async fn clokwerk_rings_at_the_next_slot() {
        let (bell, mut rung) = mpsc::channel(1);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ringing = ring(Duration::from_secs(1), clock, bell);
        let heard = tokio::time::timeout(Duration::from_secs(30), rung.recv());
        tokio::select! {
            () = ringing => unreachable!("it rings for ever"),
            heard = heard => assert_eq!(heard.expect("no ring within 30 s"), Some(())),
        }
    }

    #[tokio::test]
    async fn a_bell_that_nobody_hears_is_rung_once() {
        let (bell, mut rung) = mpsc::channel(1);
        let mut scheduler = scheduler(Duration::from_secs(1), &bell);
        bell.try_send(()).unwrap();
        scheduler.run_pending().await;
        rung.recv().await.unwrap();
        assert!(rung.try_recv().is_err());
    }
}
