//! What exists on the broker: exchanges, queues and bindings, declared by the program.
//!
//! Declaring is idempotent; what exists with other arguments is an error that names it.

mod names;
mod spec;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use ports::QueueError;
use tokio::time::timeout;
use tracing::warn;

pub(crate) use self::names::{Names, short};
use self::spec::{Argument, Exchange, QueueSpec};
pub(crate) use self::spec::{exchanges, queues};
use crate::Options;
use crate::error::{is_not_found, queue_error, within};
use crate::session::Session;

/// The routing key of pages that enter the archive. An older version bound the archive for it, on the exchange `raw`.
pub(crate) const LIVE: &str = "raw.live";

/// Declares everything. A queue that exists and is away (its node is down, its stream has no leader yet) does not hold
/// up the others; who uses it gets an error.
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
            // It exists: what does not exist is created.
            Ok(Err(error)) if is_not_found(&error) => {
                warn!(queue = name, %error, "a queue exists and is away; the others are used meanwhile");
                // The broker closes a channel after an error.
                channel = session.channel().await?;
                continue;
            }
            Ok(declared) => {
                declared.map_err(|error| queue_error(&format!("cannot declare queue {name}"), &error))?
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

/// What the queues that exist have otherwise than [`declare`] would make them, each with what to do. Every queue that exists is
/// declared as it would be for work, because nothing else makes the broker compare arguments; that changes nothing.
pub(crate) async fn differences(
    session: &Session,
    names: &Names,
    options: &Options,
) -> Result<Vec<String>, QueueError> {
    let mut differences = Vec::new();
    for QueueSpec { name, arguments, .. } in queues(names, options, session.version()) {
        let what = format!("cannot declare queue {name}");
        let channel = session.channel().await?;
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let asking = channel.queue_declare(short(&name)?, passive, FieldTable::default());
        if session.look_up(&what, asking).await?.is_none() {
            continue;
        }
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let declaring = channel.queue_declare(short(&name)?, durable, table(arguments));
        match session.look_up(&what, declaring).await {
            Ok(_) => session.call("cannot close a channel", channel.close(200, "seen".into())).await?,
            Err(QueueError::Misconfigured { reason }) => differences.push(reason),
            Err(error) => return Err(error),
        }
    }
    Ok(differences)
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
