//! A broker that is only looked at: nothing is declared, and what is not there counts as empty.

use std::collections::BTreeSet;
use std::sync::Arc;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use ports::{Clock, QueueError, QueueName};

use crate::link::Session;
use crate::names::Names;
use crate::queue::Inner;
use crate::topology::short;
use crate::{Options, RabbitQueue};

impl RabbitQueue {
    /// The queues at the broker that `options` name, as they are now. Declares nothing, and is not meant for work.
    pub async fn look(mut options: Options, clock: Arc<dyn Clock>) -> Result<Self, QueueError> {
        options.declares = false;
        let queue = Self::new(options, clock)?;
        let session = queue.inner.observing.session().await?;
        let absent = absent(&session, &queue.inner.names).await?;
        // It was made just now.
        let _ = queue.inner.absent.set(absent);
        Ok(queue)
    }

    /// Whether any of the work queues was there when it was looked at.
    pub fn is_there(&self) -> bool {
        let names = &self.inner.names;
        QueueName::ALL.iter().any(|queue| !self.inner.is_absent(&names.of(*queue)))
    }

    /// The queues that were not there when it was looked at.
    pub fn absent(&self) -> Vec<String> {
        self.inner.absent.get().into_iter().flatten().cloned().collect()
    }
}

impl Inner {
    /// Whether the queue `name` was not there when the broker was looked at. Never, when it is worked with.
    pub(crate) fn is_absent(&self, name: &str) -> bool {
        self.absent.get().is_some_and(|absent| absent.contains(name))
    }
}

/// The queues of ours that do not exist.
async fn absent(session: &Session, names: &Names) -> Result<BTreeSet<String>, QueueError> {
    let mut queues = QueueName::ALL.map(|queue| names.of(queue)).to_vec();
    queues.extend(QueueName::ALL.iter().flat_map(|queue| names.retry_queues(*queue)));
    queues.extend([names.archive(), names.unarchived(), names.leader(), names.unroutable()]);
    let mut absent = BTreeSet::new();
    for name in queues {
        // The broker closes the channel on which it was asked for what does not exist.
        let channel = session.channel().await?;
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let asking = channel.queue_declare(short(&name)?, passive, FieldTable::default());
        match session.ask(&format!("cannot look for queue {name}"), asking).await? {
            Some(_) => session.call("cannot close a channel", channel.close(200, "seen".into())).await?,
            None => drop(absent.insert(name)),
        }
    }
    Ok(absent)
}
