//! Leading: asking for the lead, again and again, and what is done with it.

use domain::Slot;
use ports::QueueError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::Scheduler;
use super::leader_state::{LeaderState, STABLE_AFTER};
use crate::collect::Ending;

impl Scheduler {
    /// Continues a slot that was `begun`; then leads whenever it can, and fetches while it leads. The
    /// error is one that waiting cannot help.
    pub(super) async fn lead_and_fetch(
        &self,
        begun: Option<Slot>,
        mut rung: mpsc::Receiver<()>,
        stop: &CancellationToken,
    ) -> Result<(), QueueError> {
        let mut state = LeaderState::default();
        if let Some(slot) = begun {
            self.fetch_slot(slot, &mut state, stop).await;
        }
        info!("asking for the lead; while another fetcher has it, this one waits");
        while !stop.is_cancelled() {
            let term = tokio::select! {
                term = self.leadership.lead() => term,
                () = stop.cancelled() => return Ok(()),
            };
            let error = match term {
                Ok(term) => {
                    state.term_began();
                    let began_at = self.clock.now();
                    self.metrics.leading(true);
                    let error = self.serve_term(term, &mut rung, &mut state, stop).await;
                    // Another one leads now, perhaps, and this one waits for nothing.
                    self.collector.stop_waiting().await;
                    self.metrics.leading(false);
                    let lasted = (self.clock.now() - began_at).to_std();
                    if lasted.is_ok_and(|lasted| lasted >= STABLE_AFTER) {
                        state.confirm();
                    }
                    error
                }
                Err(error) => Some(error),
            };
            if let Some(error) = error {
                if !error.is_transient() {
                    return Err(error);
                }
                state.fail(&telemetry::error_chain(&error));
            }
            // Also after a term that just ended: a queue that gives the lead and takes it back must not be asked all the time.
            self.turns.wait(state.next_wait(), stop).await;
        }
        Ok(())
    }

    /// Fetches `slot`, which this fetcher claimed, and notes until when the API wants to be left alone.
    pub(super) async fn fetch_slot(&self, slot: Slot, state: &mut LeaderState, stop: &CancellationToken) {
        let began_at = self.clock.now();
        let not_before = state.paused_until(began_at);
        match self.collector.collect_slot(slot, self.end_of(slot), not_before, stop).await {
            Ending::Interrupted => {}
            Ending::Complete(_) => state.pause_until(None, began_at),
            Ending::GaveUp(gave_up) => state.pause_until(gave_up.until, began_at),
        }
    }
}
