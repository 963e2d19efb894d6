//! The names of exchanges and queues, all of which begin with the prefix.

use std::time::Duration;

use lapin::types::ShortString;
use ports::{QueueError, QueueName};

use crate::Options;

/// The key with which a retry comes back to its queue.
pub(super) const RETRY: &str = "retry";

/// The names of all exchanges and queues.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
    /// The delays of retries, shortest first.
    delays: Vec<Duration>,
}

impl Names {
    /// The names for these options; the error says why AMQP cannot have them.
    pub(crate) fn new(options: &Options) -> Result<Self, QueueError> {
        let prefix = options.prefix.clone();
        let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
        let wrong = if prefix.is_empty() || prefix.len() > 100 || !prefix.chars().all(is_plain) {
            "the prefix needs 1 to 100 letters, digits, dots, dashes or underscores"
        } else if prefix.starts_with("amq.") {
            "a prefix must not begin with \"amq.\", which is the broker's own"
        } else if options.retry_delays.is_empty() {
            "there must be at least one delay for retries"
        } else if options.retry_delays.iter().any(|delay| delay.as_millis() == 0 || *delay > LONGEST_DELAY) {
            "delays for retries must be between 1 ms and 24 days"
        } else {
            let mut delays = options.retry_delays.clone();
            delays.sort_unstable();
            delays.dedup();
            return Ok(Self { prefix, delays });
        };
        Err(QueueError::Misconfigured { reason: wrong.to_owned() })
    }

    /// The work queue of `queue`, and the exchange of the same name in front of it.
    pub(crate) fn of(&self, queue: QueueName) -> String {
        format!("{}.{queue}", self.prefix)
    }

    /// The exchange and the routing key that lead back to our queue `name`: each queue that is consumed has an exchange
    /// of the same name. The default exchange would do too, but needs a permission on a name outside our prefix.
    pub(crate) fn back_to(&self, name: &str) -> (String, String) {
        let queue = name.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
        (name.to_owned(), format!("{queue}.{RETRY}"))
    }

    /// The queue whose broker name, or whose exchange's, is `name`.
    pub(crate) fn queue_of(&self, name: &str) -> Option<QueueName> {
        name.strip_prefix(&self.prefix)?.strip_prefix('.')?.parse().ok()
    }

    /// The exchange on which pages are published. Only the work queue *raw* is bound to it, and it has no alternate
    /// exchange: what it confirms, the work queue has.
    pub(crate) fn pages(&self) -> String {
        format!("{}.raw.pages", self.prefix)
    }

    /// The stream of live pages, and the exchange of the same name in front of it.
    pub(crate) fn archive(&self) -> String {
        format!("{}.raw.archive", self.prefix)
    }

    /// The queue of pages that the archive does not have yet, and the exchange of the same name in front of it.
    pub(crate) fn unarchived(&self) -> String {
        format!("{}.raw.unarchived", self.prefix)
    }

    /// The queue whose single active consumer leads the fetchers, and the exchange of the same name in front of it.
    pub(crate) fn leader(&self) -> String {
        format!("{}.fetch.leader", self.prefix)
    }

    /// The exchange in front of the queues in which retries wait.
    pub(crate) fn retry(&self) -> String {
        format!("{}.retry", self.prefix)
    }

    /// The alternate exchange, for what no queue is bound for, and the queue behind it.
    pub(crate) fn unroutable(&self) -> String {
        format!("{}.unroutable", self.prefix)
    }

    /// The routing key for a retry of `queue` after the delay nearest to `delay`.
    pub(crate) fn retry_key(&self, queue: QueueName, delay: Duration) -> String {
        let nearest = self.delays.iter().min_by_key(|step| step.abs_diff(delay));
        format!("{queue}.{}", delay_name(nearest.copied().unwrap_or(delay)))
    }

    /// The queues in which retries of `queue` wait.
    pub(crate) fn retry_queues(&self, queue: QueueName) -> Vec<String> {
        self.retries(queue).map(|(_, name)| name).collect()
    }

    /// The same, each with its delay.
    pub(super) fn retries(&self, queue: QueueName) -> impl Iterator<Item = (Duration, String)> {
        self.delays
            .iter()
            .map(move |delay| (*delay, format!("{}.{queue}.retry.{}", self.prefix, delay_name(*delay))))
    }
}

/// `text` as AMQP's short string, which holds 255 bytes.
pub(crate) fn short(text: &str) -> Result<ShortString, QueueError> {
    ShortString::try_new(text).map_err(|_| {
        let start: String = text.chars().take(50).collect();
        let reason = format!("AMQP cannot carry a name of {} bytes, 255 is the most: {start}…", text.len());
        QueueError::Misconfigured { reason }
    })
}

/// A time to live is at most 2^32 - 1 ms, and older brokers count in 32 signed bits.
const LONGEST_DELAY: Duration = Duration::from_hours(24 * 24);

/// "10s", "1500ms".
fn delay_name(delay: Duration) -> String {
    if delay.subsec_millis() == 0 {
        format!("{}s", delay.as_secs())
    } else {
        format!("{}ms", delay.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options::from_url("amqp://broker").unwrap()
    }

    #[test]
    fn a_retry_takes_the_nearest_delay() {
        let names = Names::new(&options()).unwrap();
        let check = |seconds, key: &str| {
            assert_eq!(names.retry_key(QueueName::Rows, Duration::from_secs(seconds)), key, "{seconds} s");
        };
        check(0, "rows.10s");
        check(10, "rows.10s");
        check(34, "rows.10s");
        check(36, "rows.60s");
        check(1_000_000, "rows.600s");
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        let check = |change: fn(&mut Options), part: &str| {
            let mut options = options();
            change(&mut options);
            let error = Names::new(&options).expect_err(part);
            assert!(error.to_string().contains(part) && !error.is_transient(), "{error}");
        };
        check(|options| options.prefix = String::new(), "prefix");
        check(|options| options.prefix = "p".repeat(101), "prefix");
        check(|options| options.prefix = "a b".to_owned(), "prefix");
        check(|options| options.prefix = "amq.x".to_owned(), "amq.");
        check(|options| options.retry_delays.clear(), "at least one");
        check(|options| options.retry_delays = vec![Duration::ZERO], "1 ms");
        assert_eq!(Names::new(&options()).unwrap().queue_of("coinpipe.rows"), Some(QueueName::Rows));
        assert_eq!(Names::new(&options()).unwrap().queue_of("coinpipe.retry"), None);
    }
}
