//! Leading: asking for the lead, again and again, and what is done with it.

use domain::{BatchId, Slot};
use ports::QueueError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::Scheduler;
use super::course::Course;
use super::leader_state::{GivenWay, LeaderState, STABLE_AFTER};
use crate::collect::{Ending, GaveUp, Until};
use crate::subject::Subject;

impl Scheduler {
    /// Continues the snapshot that was `begun`, if one was; then leads whenever it can, and fetches while it leads, what else was begun
    /// included. The error is one that waiting cannot help.
    pub(super) async fn lead_and_fetch(
        &self,
        begun: Vec<BatchId>,
        mut rung: mpsc::Receiver<()>,
        stop: &CancellationToken,
    ) -> Result<(), QueueError> {
        let mut state = LeaderState::default();
        let now = self.clock.now();
        for batch in begun {
            let course = self.course_of(&batch);
            let slot = course.current(now);
            if course.subject == Subject::Listings {
                self.fetch_slot(course, slot, &mut state, stop).await;
            } else {
                state.give_way(GivenWay { subject: course.subject, slot, not_before: now, gave_up: None });
            }
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
                    let error = Box::pin(self.serve_term(term, &mut rung, &mut state, stop)).await;
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

    /// Fetches `slot` of `course`, which this fetcher claimed, and notes until when the API wants to be left alone. What is no snapshot gives
    /// way to the next one.
    pub(super) async fn fetch_slot(
        &self,
        course: &Course,
        slot: Slot,
        state: &mut LeaderState,
        stop: &CancellationToken,
    ) {
        let began_at = self.clock.now();
        let not_before = state.paused_until(began_at);
        let ends_at = course.end_of(slot);
        let gives_way_at = match course.subject {
            Subject::Listings => ends_at,
            Subject::Market(_) => self.listings().next_after(began_at),
        };
        let later = |gave_up| GivenWay { subject: course.subject, slot, not_before: gives_way_at, gave_up };
        if gives_way_at < ends_at && not_before.is_some_and(|until| until >= gives_way_at) {
            return state.give_way(later(None));
        }
        let order = self.collector.order_of(course.subject, slot);
        let until = Until { ends_at, gives_way_at };
        // Boxed: it is large, and every loop around it would be as large.
        match Box::pin(self.collector.collect_slot(order, until, not_before, stop)).await {
            Ending::Interrupted => {}
            Ending::GaveWay(gave_up) => state.give_way(later(Some(gave_up))),
            Ending::Complete(_) => state.pause_until(None, began_at),
            Ending::GaveUp(gave_up) => state.pause_until(gave_up.until, began_at),
        }
    }

    /// Goes on with what gave way; or ends it, when its slot is over.
    pub(super) async fn go_on_with(
        &self,
        given_way: GivenWay,
        state: &mut LeaderState,
        stop: &CancellationToken,
    ) {
        let GivenWay { subject, slot, gave_up, .. } = given_way;
        let Some(course) = self.courses.iter().find(|course| course.subject == subject) else { return };
        if course.end_of(slot) > self.clock.now() {
            return self.fetch_slot(course, slot, state, stop).await;
        }
        let gave_up = gave_up.unwrap_or_else(|| GaveUp {
            code: "slot_missed".to_owned(),
            reason: "its slot was over before it could be fetched".to_owned(),
            hint: None,
            until: None,
            lasts: false,
        });
        self.collector.end_work(self.collector.order_of(subject, slot), &gave_up).await;
    }
}
