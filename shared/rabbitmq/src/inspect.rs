//! Inspecting a broker: nothing is declared, and a queue that does not exist counts as empty.

use std::collections::BTreeSet;
use std::sync::Arc;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use ports::{Clock, QueueError, QueueName};

use crate::session::Session;
use crate::topology::{Names, differences, short};
use crate::{Options, RabbitQueue};

impl RabbitQueue {
    /// The queues at the broker that `options` name, as they are now. Declares nothing, and is not meant for work.
    pub async fn open_read_only(mut options: Options, clock: Arc<dyn Clock>) -> Result<Self, QueueError> {
        options.declares = false;
        let queue = Self::new(options, clock)?;
        let client = queue.client();
        let session = client.observing.session().await?;
        client.set_missing(find_missing(&session, &client.names).await?);
        Ok(queue)
    }

    /// Whether any of the work queues existed when the broker was inspected.
    pub fn any_exists(&self) -> bool {
        let client = self.client();
        QueueName::ALL.iter().any(|queue| !client.is_missing(&client.names.of(*queue)))
    }

    /// What the queues that exist have otherwise than work with these options would declare, each with what to do.
    pub async fn differences(&self) -> Result<Vec<String>, QueueError> {
        let client = self.client();
        let session = client.observing.session().await?;
        differences(&session, &client.names, &client.options).await
    }

    /// The queues that did not exist when the broker was inspected.
    pub fn missing(&self) -> Vec<String> {
        self.client().missing().cloned().collect()
    }
}

/// Those of our queues that do not exist.
async fn find_missing(session: &Session, names: &Names) -> Result<BTreeSet<String>, QueueError> {
    let mut queues = QueueName::ALL.map(|queue| names.of(queue)).to_vec();
    queues.extend(QueueName::ALL.iter().flat_map(|queue| names.retry_queues(*queue)));
    queues.extend([names.archive(), names.unarchived(), names.leader(), names.unroutable()]);
    let mut missing = BTreeSet::new();
    for name in queues {
        // A channel for each, because the broker closes it after an error.
        let channel = session.channel().await?;
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let asking = channel.queue_declare(short(&name)?, passive, FieldTable::default());
        match session.look_up(&format!("cannot look for queue {name}"), asking).await? {
            Some(_) => session.call("cannot close a channel", channel.close(200, "seen".into())).await?,
            None => drop(missing.insert(name)),
        }
    }
    Ok(missing)
}
