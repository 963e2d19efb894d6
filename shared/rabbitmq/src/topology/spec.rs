//! Every exchange, queue and binding, with its arguments. Arguments hold what losing messages depends on; an operator's
//! policies may add the rest.

use lapin::ExchangeKind;
use ports::QueueName;

use super::names::{Names, RETRY};
use crate::Options;
use crate::version::Version;

/// An exchange as it is declared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exchange {
    pub(crate) name: String,
    pub(crate) kind: ExchangeKind,
    pub(crate) arguments: Vec<(&'static str, Argument)>,
}

/// A queue as it is declared, and the (exchange, key) pairs it is bound for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueueSpec {
    pub(crate) name: String,
    pub(crate) arguments: Vec<(&'static str, Argument)>,
    pub(crate) bindings: Vec<(String, String)>,
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
    let plain = |name| Exchange { name, kind: ExchangeKind::Fanout, arguments: Vec::new() };
    vec![
        unroutable,
        with_alternate(names.of(QueueName::Raw), ExchangeKind::Topic),
        with_alternate(names.of(QueueName::Rows), ExchangeKind::Topic),
        with_alternate(names.of(QueueName::Dead), ExchangeKind::Topic),
        with_alternate(names.retry(), ExchangeKind::Direct),
        // Each of these has one queue and no alternate exchange: a publisher learns that the queue is missing.
        plain(names.pages()),
        plain(names.archive()),
        plain(names.unarchived()),
        plain(names.leader()),
    ]
}

/// All queues for a broker of `version`, in the order to declare them.
pub(crate) fn queues(names: &Names, options: &Options, version: Version) -> Vec<QueueSpec> {
    let mut queues = vec![
        QueueSpec {
            name: names.unroutable(),
            arguments: without_delivery_limit(version),
            bindings: vec![(names.unroutable(), String::new())],
        },
        QueueSpec {
            name: names.of(QueueName::Dead),
            arguments: without_delivery_limit(version),
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
        arguments: without_delivery_limit(version),
        bindings: vec![(names.leader(), String::new())],
    });
    queues
}

/// The arguments of a queue with a single active consumer and without a delivery limit.
fn without_delivery_limit(version: Version) -> Vec<(&'static str, Argument)> {
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
        // The broker counts returns, not deliveries, which are one more.
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
    let queues = names.retries(queue).map(|(delay, name)| QueueSpec {
        name,
        arguments: vec![
            ("x-queue-type", "quorum".into()),
            ("x-message-ttl", number(delay.as_millis())),
            ("x-dead-letter-exchange", names.of(queue).into()),
            ("x-dead-letter-routing-key", format!("{queue}.{RETRY}").into()),
            ("x-dead-letter-strategy", "at-least-once".into()),
            ("x-overflow", "reject-publish".into()),
        ],
        bindings: vec![(names.retry(), names.retry_key(queue, delay))],
    });
    queues.collect()
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

/// The queue in which pages wait while the archive is away. Like a work queue, it refuses what exceeds its size.
fn unarchived(names: &Names, options: &Options, version: Version) -> QueueSpec {
    let mut arguments = without_delivery_limit(version);
    if let Some(bytes) = options.queue_max_bytes {
        arguments.push(("x-max-length-bytes", number(bytes)));
    }
    QueueSpec { name: names.unarchived(), arguments, bindings: vec![(names.unarchived(), String::new())] }
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
        // Of what comes back, or what others publish, no publisher would learn: the unroutable queue keeps it.
        for queue in QueueName::ALL {
            assert_eq!(behind(&names.of(queue)), [names.of(queue)]);
        }
        for name in ["coinpipe.raw", "coinpipe.rows", "coinpipe.dead", "coinpipe.retry"] {
            let found = exchanges.iter().find(|found| found.name == name).expect(name);
            assert_eq!(found.arguments, [("alternate-exchange", "coinpipe.unroutable".into())], "{name}");
        }
    }

    #[test]
    fn every_queue_has_retry_queues_that_lead_back_to_it() {
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
