//! The names of exchanges and queues, all of which begin with the prefix.

use std::time::Duration;

use ports::{QueueError, QueueName};

use crate::Options;

/// The key with which a retry comes back to its queue.
pub(crate) const RETRY: &str = "retry";

/// The names of everything.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
    /// The delays of retries, shortest first.
    pub ladder: Vec<Duration>,
}

impl Names {
    /// The names for these options; the error says why AMQP cannot have them.
    pub fn new(options: &Options) -> Result<Self, QueueError> {
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
            let mut ladder = options.retry_delays.clone();
            ladder.sort_unstable();
            ladder.dedup();
            return Ok(Self { prefix, ladder });
        };
        Err(QueueError::Misconfigured { reason: wrong.to_owned() })
    }

    /// The work queue of `queue`, and the exchange of the same name in front of it.
    pub fn of(&self, queue: QueueName) -> String {
        format!("{}.{queue}", self.prefix)
    }

    /// The exchange and the key that lead to the queue `name` of our own, whatever it is for: each that is consumed
    /// has an exchange of its name. The broker's own exchange would do, but takes a right on a name that is not ours.
    pub fn back_to(&self, name: &str) -> (String, String) {
        let queue = name.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
        (name.to_owned(), format!("{queue}.{RETRY}"))
    }

    /// The queue that `name` is one of: a work queue's, an exchange's.
    pub fn queue_of(&self, name: &str) -> Option<QueueName> {
        name.strip_prefix(&self.prefix)?.strip_prefix('.')?.parse().ok()
    }

    /// The exchange on which pages are published: behind it is the work queue *raw* and nothing else, not even a place for
    /// the unroutable. What it confirms, the work queue has.
    pub fn pages(&self) -> String {
        format!("{}.raw.pages", self.prefix)
    }

    /// The stream of live pages, and the exchange of the same name in front of it.
    pub fn archive(&self) -> String {
        format!("{}.raw.archive", self.prefix)
    }

    /// The queue of pages that the archive does not have yet, and the exchange of the same name in front of it.
    pub fn unarchived(&self) -> String {
        format!("{}.raw.unarchived", self.prefix)
    }

    /// The queue whose single active consumer leads the fetchers, and the exchange of the same name in front of it.
    pub fn leader(&self) -> String {
        format!("{}.fetch.leader", self.prefix)
    }

    /// The exchange in front of the queues in which retries wait.
    pub fn retry(&self) -> String {
        format!("{}.retry", self.prefix)
    }

    /// The exchange for what no queue is bound for, and the queue behind it.
    pub fn unroutable(&self) -> String {
        format!("{}.unroutable", self.prefix)
    }

    /// The routing key for a retry of `queue` after the delay nearest to `delay`.
    pub fn retry_key(&self, queue: QueueName, delay: Duration) -> String {
        let nearest = self.ladder.iter().min_by_key(|rung| rung.abs_diff(delay));
        format!("{queue}.{}", rung_name(nearest.copied().unwrap_or(delay)))
    }

    /// The queues in which retries of `queue` wait.
    pub fn retry_queues(&self, queue: QueueName) -> Vec<String> {
        let name = |rung: &Duration| format!("{}.{queue}.retry.{}", self.prefix, rung_name(*rung));
        self.ladder.iter().map(name).collect()
    }
}

/// A time to live is at most 2^32 - 1 ms, and older brokers count in 32 signed bits.
const LONGEST_DELAY: Duration = Duration::from_hours(24 * 24);

/// "10s", "1500ms".
fn rung_name(delay: Duration) -> String {
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
