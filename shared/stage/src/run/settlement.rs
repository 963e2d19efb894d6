//! What becomes of a message that could not be handled.

use domain::{Class, DeadLetter};
use ports::{Delivery, Settlement};
use tracing::{error, warn};

use super::Runner;
use super::ended::{After, Ended};
use crate::contract::Failure;
use crate::metrics::Outcome;

impl Runner {
    /// How a failed delivery is settled, and what follows for the session.
    pub(super) fn settlement_for(
        &self,
        delivery: &Delivery,
        failure: Failure,
    ) -> (Settlement, Outcome, After) {
        let message = delivery.message();
        let letter = |class, code: &str, reason: String| {
            let now = self.context.clock.now();
            Settlement::DeadLetter(Box::new(DeadLetter::for_message(
                message, self.name, class, code, reason, now,
            )))
        };
        let attempt = message.attempt();
        match failure {
            Failure::Retry { code, reason } => {
                if let Some(delay) = self.settings.retry.delay_after(attempt) {
                    warn!(attempt, code, reason, retry_in = ?delay, "failed; will try again");
                    (Settlement::RetryAfter { delay, attempt: attempt + 1 }, Outcome::Retry, After::GoOn)
                } else {
                    error!(attempt, code, reason, "failed for the last time; to the dead letters");
                    (letter(Class::RetriesExhausted, code, reason), Outcome::Dead, After::GoOn)
                }
            }
            Failure::Reject { class, code, reason } => {
                error!(%class, code, reason, "cannot be handled; to the dead letters");
                (letter(class, code, reason), Outcome::Dead, After::GoOn)
            }
            Failure::Outage { reason } => {
                let delay = self.settings.retry.outage_delay();
                let then = After::End(Ended::Outage(reason));
                (Settlement::RetryAfter { delay, attempt }, Outcome::Outage, then)
            }
            Failure::Fatal { reason } => {
                let delay = self.settings.retry.outage_delay();
                let then = After::End(Ended::Fatal(reason));
                (Settlement::RetryAfter { delay, attempt }, Outcome::Outage, then)
            }
        }
    }
}
