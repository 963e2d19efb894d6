//! What is needed to send letters again.

use std::sync::Arc;
use std::time::Duration;

use config::Config;
use ports::Clock;
use service::{Queues, Stores};

/// Queue and store, and how to wait for what becomes of letters.
#[derive(Clone)]
pub struct Access {
    /// Where letters are sent.
    pub queues: Queues,
    /// Where they are filed.
    pub stores: Stores,
    /// The time.
    pub clock: Arc<dyn Clock>,
    pub(crate) clean_after: Duration,
    pub(crate) is_queue_in_file: bool,
}

impl Access {
    /// What `config` says about queue and store.
    pub fn new(config: &Config, queues: Queues, stores: Stores, clock: Arc<dyn Clock>) -> Self {
        let is_queue_in_file = service::file_of(&config.queue.url).is_some();
        Self { queues, stores, clock, clean_after: config.desk.clean_after, is_queue_in_file }
    }
}
