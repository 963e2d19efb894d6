//! Telling the ledger which schedule is in force. In memory only: whoever leads next tells it again.

use std::sync::{MutexGuard, PoisonError};

use domain::{Headers, Message, Schedule, wire};
use ports::QueueName;

use super::{PublishError, Publisher};

/// A schedule on its way.
#[derive(Default)]
pub(super) struct Telling {
    /// To be published.
    wanted: Option<Schedule>,
    /// What the queue took.
    told: Option<Schedule>,
}

impl Publisher {
    /// Has `schedule` published, soon.
    pub(crate) fn tell_schedule(&self, schedule: Schedule) {
        let mut telling = self.telling();
        if telling.wanted.as_ref().is_none_or(|wanted| wanted.id() != schedule.id()) {
            telling.wanted = Some(schedule);
            self.spool.wake_publisher();
        }
    }

    /// The schedule that the queue has taken since this was asked last.
    pub(crate) fn schedule_told(&self) -> Option<Schedule> {
        self.telling().told.take()
    }

    /// Publishes the schedule, if one is wanted. Returns how many.
    pub(super) async fn publish_schedule(&self) -> Result<usize, PublishError> {
        let Some(schedule) = self.telling().wanted.clone() else { return Ok(0) };
        let body = wire::encode_schedule(&schedule).into();
        let message = Message { id: schedule.message_id(), headers: Headers::new(), body };
        // Again under its id: what is new is the time.
        self.queue.publish(QueueName::Rows, &[message]).await?;
        self.metrics.published(1);
        let mut telling = self.telling();
        telling.wanted.take_if(|wanted| *wanted == schedule);
        telling.told = Some(schedule);
        Ok(1)
    }

    fn telling(&self) -> MutexGuard<'_, Telling> {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
