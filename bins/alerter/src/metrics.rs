//! What the desk and the mailer count.

use domain::Class;
use ports::store::{Channel, MailResult};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use telemetry::{MetricSet, Metrics};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabel {
    class: &'static str,
}

/// Makes the alerter's metrics show, at zero.
pub fn declare_metrics(metrics: &Metrics) {
    metrics.set::<LetterMetrics>();
    metrics.set::<MailMetrics>();
}

/// Letters that were filed. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct LetterMetrics {
    filed: Family<ClassLabel, Counter>,
}

impl MetricSet for LetterMetrics {
    fn register(registry: &mut Registry) -> Self {
        let filed = Family::<ClassLabel, Counter>::default();
        for class in Class::ALL {
            // The series is what is wanted; what is returned is a lock.
            drop(filed.get_or_create(&ClassLabel { class: class.as_str() }));
        }
        registry.register(
            "letters_filed",
            "Dead letters filed, by class: of all stages, rejected rows and incidents included",
            filed.clone(),
        );
        Self { filed }
    }
}

impl LetterMetrics {
    /// A letter of `class` was filed.
    pub(crate) fn filed(&self, class: Class) {
        self.filed.get_or_create(&ClassLabel { class: class.as_str() }).inc();
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    channel: &'static str,
    result: &'static str,
}

/// Attempts to send mails, and messages to the webhook. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct MailMetrics {
    attempts: Family<AttemptLabels, Counter>,
}

const SENT: &str = "sent";
const PUT_OFF: &str = "put_off";
const REFUSED: &str = "refused";

impl MetricSet for MailMetrics {
    fn register(registry: &mut Registry) -> Self {
        let attempts = Family::<AttemptLabels, Counter>::default();
        for channel in Channel::ALL.map(Channel::as_str) {
            for result in [SENT, PUT_OFF, REFUSED] {
                drop(attempts.get_or_create(&AttemptLabels { channel, result }));
            }
        }
        registry.register(
            "mail_attempts",
            "Attempts to send a mail, or a message to the webhook, by channel and result: sent, put off, refused for good",
            attempts.clone(),
        );
        Self { attempts }
    }
}

impl MailMetrics {
    /// An attempt on `channel` ended so.
    pub(crate) fn tried(&self, channel: Channel, result: &MailResult) {
        let result = match result {
            MailResult::Sent => SENT,
            MailResult::RetryAt { .. } | MailResult::Partly { .. } => PUT_OFF,
            MailResult::Refused(_) => REFUSED,
        };
        self.attempts.get_or_create(&AttemptLabels { channel: channel.as_str(), result }).inc();
    }
}
