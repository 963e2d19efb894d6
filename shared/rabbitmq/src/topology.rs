//! What exists on the broker: exchanges, queues and bindings, declared by the program.
//!
//! Declaring is idempotent; what exists with other arguments is an error that names it. Arguments hold
//! what losing messages depends on; an operator's policies may add the rest.

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{ErrorKind, ExchangeKind};
use ports::{QueueError, QueueName};
use tokio::time::timeout;
use tracing::warn;

use crate::Options;
use crate::error::{blame, within};
use crate::greeting::Version;
use crate::link::Session;

/// The routing key of pages that enter the archive.
pub(crate) const LIVE: &str = "raw.live";
/// The key with which a retry comes back to its queue.
const RETRY: &str = "retry";

/// The names of everything.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
    ladder: Vec<Duration>,
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

    /// The stream of live pages.
    pub fn archive(&self) -> String {
        format!("{}.raw.archive", self.prefix)
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

/// An exchange as it is declared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exchange {
    pub name: String,
    pub kind: ExchangeKind,
    pub arguments: Vec<(&'static str, Argument)>,
}

/// A queue as it is declared, and the (exchange, key) pairs it is bound for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueueSpec {
    pub name: String,
    pub arguments: Vec<(&'static str, Argument)>,
    pub bindings: Vec<(String, String)>,
}

/// The value of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Argument {
    Text(String),
    Number(i64),
    Flag(bool),
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// `number` as an argument: AMQP's numbers have a sign.
fn number(number: impl TryInto<i64>) -> Argument {
    Argument::Number(number.try_into().unwrap_or(i64::MAX))
}

/// All exchanges, in the order to declare them.
pub(crate) fn exchanges(names: &Names) -> Vec<Exchange> {
    let unroutable = Exchange { name: names.unroutable(), kind: ExchangeKind::Fanout, arguments: Vec::new() };
    let with_alternate = |name: String, kind| {
        let arguments = vec![("alternate-exchange", names.unroutable().into())];
        Exchange { name, kind, arguments }
    };
    vec![
        unroutable,
        with_alternate(names.of(QueueName::Raw), ExchangeKind::Topic),
        with_alternate(names.of(QueueName::Rows), ExchangeKind::Topic),
        with_alternate(names.of(QueueName::Dead), ExchangeKind::Topic),
        with_alternate(names.retry(), ExchangeKind::Direct),
        Exchange { name: names.leader(), kind: ExchangeKind::Fanout, arguments: Vec::new() },
    ]
}

/// All queues for a broker of `version`, in the order to declare them.
pub(crate) fn queues(names: &Names, options: &Options, version: Version) -> Vec<QueueSpec> {
    let mut queues = vec![
        QueueSpec {
            name: names.unroutable(),
            arguments: kept_for_ever(version),
            bindings: vec![(names.unroutable(), String::new())],
        },
        QueueSpec {
            name: names.of(QueueName::Dead),
            arguments: kept_for_ever(version),
            bindings: vec![(names.of(QueueName::Dead), "#".to_owned())],
        },
    ];
    for queue in [QueueName::Raw, QueueName::Rows] {
        queues.push(work(names, options, queue));
        queues.extend(retries(names, queue));
    }
    queues.push(archive(names, options));
    queues.push(QueueSpec {
        name: names.leader(),
        arguments: kept_for_ever(version),
        bindings: vec![(names.leader(), String::new())],
    });
    queues
}

/// The arguments of a queue whose messages no number of deliveries drops, with one consumer at a time.
pub(crate) fn kept_for_ever(version: Version) -> Vec<(&'static str, Argument)> {
    let mut arguments = vec![
        ("x-queue-type", "quorum".into()),
        ("x-single-active-consumer", Argument::Flag(true)),
        ("x-overflow", "reject-publish".into()),
    ];
    // Before 4.0 there is no limit when none is given, and -1 means "at once".
    if version >= Version::DEFAULT_DELIVERY_LIMIT {
        arguments.push(("x-delivery-limit", Argument::Number(-1)));
    }
    arguments
}

fn work(names: &Names, options: &Options, queue: QueueName) -> QueueSpec {
    let mut arguments = vec![
        ("x-queue-type", "quorum".into()),
        ("x-dead-letter-exchange", names.of(QueueName::Dead).into()),
        ("x-dead-letter-strategy", "at-least-once".into()),
        ("x-overflow", "reject-publish".into()),
        // The broker counts how often a message came back; one that comes back this often was handed
        // out once more.
        ("x-delivery-limit", number(options.delivery_limit.saturating_sub(1))),
    ];
    if let Some(bytes) = options.queue_max_bytes {
        arguments.push(("x-max-length-bytes", number(bytes)));
    }
    QueueSpec { name: names.of(queue), arguments, bindings: vec![(names.of(queue), format!("{queue}.#"))] }
}

fn retries(names: &Names, queue: QueueName) -> Vec<QueueSpec> {
    let rungs = names.ladder.iter().zip(names.retry_queues(queue));
    let waiting = rungs.map(|(delay, name)| QueueSpec {
        name,
        arguments: vec![
            ("x-queue-type", "quorum".into()),
            ("x-message-ttl", number(delay.as_millis())),
            ("x-dead-letter-exchange", names.of(queue).into()),
            ("x-dead-letter-routing-key", format!("{queue}.{RETRY}").into()),
            ("x-dead-letter-strategy", "at-least-once".into()),
            ("x-overflow", "reject-publish".into()),
        ],
        bindings: vec![(names.retry(), names.retry_key(queue, *delay))],
    });
    waiting.collect()
}

fn archive(names: &Names, options: &Options) -> QueueSpec {
    let arguments = vec![
        ("x-queue-type", "stream".into()),
        ("x-max-age", format!("{}s", options.archive_keep.as_secs().max(1)).into()),
        ("x-max-length-bytes", number(options.archive_max_bytes)),
        ("x-stream-max-segment-size-bytes", number(options.archive_segment_bytes)),
    ];
    QueueSpec {
        name: names.archive(),
        arguments,
        bindings: vec![(names.of(QueueName::Raw), LIVE.to_owned())],
    }
}

/// Declares everything. A queue that exists and is away (its node is down, its stream has no leader yet) does
/// not hold up the others: whoever needs it is told so.
pub(crate) async fn declare(session: &Session, names: &Names, options: &Options) -> Result<(), QueueError> {
    let limit = options.call_timeout;
    let mut channel = session.channel().await?;
    let declare = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    for Exchange { name, kind, arguments } in exchanges(names) {
        let call = channel.exchange_declare(short(&name)?, kind, declare, table(arguments));
        within(limit, &format!("cannot declare exchange {name}"), call).await?;
    }
    for queue in queues(names, options, session.version()) {
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let QueueSpec { name, arguments, bindings } = queue;
        let call = channel.queue_declare(short(&name)?, durable, table(arguments));
        match timeout(limit, call).await {
            // Declaring never fails so for what is not there: that would be created.
            Ok(Err(error)) if is_not_found(&error) => {
                warn!(queue = name, %error, "a queue exists and is away; the others are used meanwhile");
                // The broker closed this one.
                channel = session.channel().await?;
                continue;
            }
            Ok(declared) => {
                declared.map_err(|error| blame(&format!("cannot declare queue {name}"), &error))?
            }
            Err(_) => return Err(QueueError::unavailable(format!("declaring queue {name} took too long"))),
        };
        for (exchange, key) in bindings {
            let (to, from, key) = (short(&name)?, short(&exchange)?, short(&key)?);
            let call = channel.queue_bind(to, from, key, QueueBindOptions::default(), FieldTable::default());
            within(limit, &format!("cannot bind queue {name}"), call).await?;
        }
    }
    session.call("cannot close a channel", channel.close(200, "declared".into())).await
}

/// Whether the broker says that something is not there, or away.
pub(crate) fn is_not_found(error: &lapin::Error) -> bool {
    let ErrorKind::ProtocolError(error) = error.kind() else { return false };
    matches!(error.kind(), AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND))
}

fn table(arguments: Vec<(&'static str, Argument)>) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, argument) in arguments {
        let value = match argument {
            Argument::Text(text) => AMQPValue::LongString(text.into()),
            Argument::Number(number) => AMQPValue::LongLongInt(number),
            Argument::Flag(flag) => AMQPValue::Boolean(flag),
        };
        table.insert(name.into(), value);
    }
    table
}

/// `text` as AMQP's short string, which holds 255 bytes.
pub(crate) fn short(text: &str) -> Result<ShortString, QueueError> {
    ShortString::try_new(text).map_err(|_| {
        let start: String = text.chars().take(50).collect();
        let reason = format!("AMQP cannot carry a name of {} bytes, 255 is the most: {start}…", text.len());
        QueueError::Misconfigured { reason }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options::from_url("amqp://broker").unwrap()
    }

    fn argument(version: (u16, u16), queue: &str, name: &str) -> Option<Argument> {
        let names = Names::new(&options()).unwrap();
        let version = Version { major: version.0, minor: version.1 };
        let queue = queues(&names, &options(), version).into_iter().find(|spec| spec.name == queue);
        let arguments = queue.expect("no such queue").arguments;
        arguments.into_iter().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    #[test]
    fn letters_have_no_delivery_limit_on_any_version() {
        for queue in ["coinpipe.dead", "coinpipe.unroutable", "coinpipe.fetch.leader"] {
            for version in [(3, 10), (3, 13)] {
                assert_eq!(argument(version, queue, "x-delivery-limit"), None, "{queue} on {version:?}");
            }
            for version in [(4, 0), (4, 3), (5, 0)] {
                let limit = argument(version, queue, "x-delivery-limit");
                assert_eq!(limit, Some(Argument::Number(-1)), "{queue} on {version:?}");
            }
        }
    }

    #[test]
    fn work_queues_lose_nothing_and_have_a_limit_on_all_versions() {
        for version in [(3, 10), (4, 3)] {
            for queue in ["coinpipe.raw", "coinpipe.rows"] {
                let check =
                    |name, value| assert_eq!(argument(version, queue, name), Some(value), "{queue} {name}");
                check("x-delivery-limit", Argument::Number(7));
                check("x-queue-type", "quorum".into());
                check("x-dead-letter-exchange", "coinpipe.dead".into());
                check("x-dead-letter-strategy", "at-least-once".into());
                check("x-overflow", "reject-publish".into());
            }
        }
    }

    #[test]
    fn only_live_pages_reach_the_archive_and_every_exchange_has_an_alternate() {
        let names = Names::new(&options()).unwrap();
        let all = queues(&names, &options(), Version { major: 3, minor: 10 });
        let archive = all.iter().find(|spec| spec.name == "coinpipe.raw.archive").unwrap();
        assert_eq!(archive.bindings, [("coinpipe.raw".to_owned(), "raw.live".to_owned())]);
        let back = ("x-dead-letter-routing-key", "raw.retry".into());
        assert!(
            all.iter().any(|spec| spec.name == "coinpipe.raw.retry.10s" && spec.arguments.contains(&back))
        );
        // Without a queue to lead by nobody leads: that is an error, not a letter.
        let exchanges = exchanges(&names);
        let others = exchanges.iter().filter(|exchange| exchange.name != names.leader());
        for exchange in others.skip(1) {
            let alternate = ("alternate-exchange", "coinpipe.unroutable".into());
            assert_eq!(exchange.arguments, [alternate], "{exchange:?}");
        }
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
