//! What exists on the broker: exchanges, queues and bindings, declared by the program.
//!
//! Declaring is idempotent; what exists with other arguments is an error that names it. Arguments hold
//! what losing messages depends on; an operator's policies may add the rest.

use lapin::ExchangeKind;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use ports::{QueueError, QueueName};
use tokio::time::timeout;
use tracing::warn;

use crate::Options;
use crate::error::{blame, is_not_found, within};
use crate::greeting::Version;
use crate::link::Session;
pub(crate) use crate::names::Names;
use crate::names::RETRY;

/// The routing key of pages that enter the archive. An older version bound the archive for it, on the exchange `raw`.
pub(crate) const LIVE: &str = "raw.live";

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
    let alone = |name| Exchange { name, kind: ExchangeKind::Fanout, arguments: Vec::new() };
    vec![
        unroutable,
        with_alternate(names.of(QueueName::Raw), ExchangeKind::Topic),
        with_alternate(names.of(QueueName::Rows), ExchangeKind::Topic),
        with_alternate(names.of(QueueName::Dead), ExchangeKind::Topic),
        with_alternate(names.retry(), ExchangeKind::Direct),
        // Behind each of these is one queue, and nothing stands in for it: who publishes is told when it is missing.
        alone(names.pages()),
        alone(names.archive()),
        alone(names.unarchived()),
        alone(names.leader()),
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
        work(names, options, QueueName::Raw),
        work(names, options, QueueName::Rows),
    ];
    queues.extend(QueueName::ALL.into_iter().flat_map(|queue| retries(names, queue)));
    queues.push(archive(names, options));
    queues.push(unarchived(names, options, version));
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
    let mut bindings = vec![(names.of(queue), format!("{queue}.#"))];
    if queue == QueueName::Raw {
        bindings.push((names.pages(), String::new()));
    }
    QueueSpec { name: names.of(queue), arguments, bindings }
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
    QueueSpec { name: names.archive(), arguments, bindings: vec![(names.archive(), String::new())] }
}

/// Pages that the archive does not have yet wait here for as long as it is away; it refuses more than a work queue does.
fn unarchived(names: &Names, options: &Options, version: Version) -> QueueSpec {
    let mut arguments = kept_for_ever(version);
    if let Some(bytes) = options.queue_max_bytes {
        arguments.push(("x-max-length-bytes", number(bytes)));
    }
    QueueSpec { name: names.unarchived(), arguments, bindings: vec![(names.unarchived(), String::new())] }
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
        for queue in
            ["coinpipe.dead", "coinpipe.unroutable", "coinpipe.fetch.leader", "coinpipe.raw.unarchived"]
        {
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

    /// No two queues share an exchange that someone publishes pages on, so that none can confirm for another.
    #[test]
    fn nothing_stands_in_for_the_work_queue_or_the_archive() {
        let names = Names::new(&options()).unwrap();
        let all = queues(&names, &options(), Version { major: 3, minor: 10 });
        let behind = |exchange: &str| -> Vec<&str> {
            let is_bound = |spec: &&QueueSpec| spec.bindings.iter().any(|(from, _)| from == exchange);
            all.iter().filter(is_bound).map(|spec| &*spec.name).collect()
        };
        let exchanges = exchanges(&names);
        for (exchange, queue) in [
            ("coinpipe.raw.pages", "coinpipe.raw"),
            ("coinpipe.raw.archive", "coinpipe.raw.archive"),
            ("coinpipe.raw.unarchived", "coinpipe.raw.unarchived"),
            ("coinpipe.fetch.leader", "coinpipe.fetch.leader"),
        ] {
            assert_eq!(behind(exchange), [queue]);
            let found = exchanges.iter().find(|found| found.name == exchange).expect(exchange);
            assert_eq!((&found.kind, &found.arguments[..]), (&ExchangeKind::Fanout, &[][..]), "{exchange}");
        }
        // What comes back, and what others publish, has no one to be told: it is kept elsewhere, and filed.
        for queue in QueueName::ALL {
            assert_eq!(behind(&names.of(queue)), [names.of(queue)]);
        }
        for name in ["coinpipe.raw", "coinpipe.rows", "coinpipe.dead", "coinpipe.retry"] {
            let found = exchanges.iter().find(|found| found.name == name).expect(name);
            assert_eq!(found.arguments, [("alternate-exchange", "coinpipe.unroutable".into())], "{name}");
        }
    }

    #[test]
    fn every_queue_has_its_ladder_which_leads_back_to_it() {
        let names = Names::new(&options()).unwrap();
        let all = queues(&names, &options(), Version { major: 4, minor: 3 });
        for queue in QueueName::ALL {
            assert_eq!(names.retry_queues(queue).len(), 3, "{queue}");
            for name in names.retry_queues(queue) {
                let spec = all.iter().find(|spec| spec.name == name).expect(&name);
                for argument in [
                    ("x-dead-letter-exchange", names.of(queue).into()),
                    ("x-dead-letter-routing-key", format!("{queue}.retry").into()),
                    ("x-dead-letter-strategy", "at-least-once".into()),
                    ("x-overflow", "reject-publish".into()),
                ] {
                    assert!(spec.arguments.contains(&argument), "{spec:?} without {argument:?}");
                }
            }
        }
    }
}
