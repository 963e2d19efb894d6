//! How many messages a stage takes at once.
//!
//! A file has one writer at a time. While a transaction of the loader runs, cleaned pages wait to be published, and share the next
//! one. With the queue in a file a transformer therefore takes pages beside those that it cleans; otherwise each transaction
//! would publish one page, and load one. For the same reason a loader takes twice as many chunks: those of the transaction that
//! runs, and those of the next.

use config::Config;
use domain::StageName;

use crate::adapters::file_of;

/// Pages that a transformer takes beside those that it cleans, with the queue in a file.
const PAGES_BESIDE: u16 = 7;

/// How many messages `stage` takes at once.
pub(crate) fn in_flight(stage: StageName, config: &Config) -> u16 {
    let is_in_file = file_of(&config.queue.url).is_some();
    match stage {
        StageName::Transformer if is_in_file => config.transform.concurrency.saturating_add(PAGES_BESIDE),
        StageName::Transformer => config.transform.concurrency,
        StageName::Loader if is_in_file => config.load.concurrency.saturating_mul(2),
        StageName::Loader => config.load.concurrency,
        // One letter at a time: the desk is the least clever code of all.
        StageName::Fetcher | StageName::Alerter => 1,
    }
}

#[cfg(test)]
mod tests {
    use config::SecretUrl;

    use super::*;

    #[test]
    fn with_the_queue_in_a_file_a_stage_takes_what_waits_for_the_next_transaction() {
        let mut config = Config::defaults();
        let stages = [StageName::Transformer, StageName::Loader, StageName::Alerter];
        let taken = |config: &Config| stages.map(|stage| in_flight(stage, config));
        config.queue.url = SecretUrl::new("sqlite://coinpipe.db");
        assert_eq!(taken(&config), [8, 80, 1]);
        config.queue.url = SecretUrl::new("amqp://localhost");
        assert_eq!(taken(&config), [1, 40, 1]);
        config.queue.url = SecretUrl::new("sqlite://coinpipe.db");
        (config.transform.concurrency, config.load.concurrency) = (u16::MAX, u16::MAX);
        assert_eq!(taken(&config), [u16::MAX, u16::MAX, 1]);
    }
}
