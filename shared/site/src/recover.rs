//! What a server had begun when it ended is written down when it starts again: nobody does the rest by itself.

use ports::StoreError;
use service::Stores;
use tracing::info;

/// Actions that are looked at.
const NEWEST: u32 = 500;

/// What the record says then.
const ENDED: &str = "the server ended before it was done; nothing is lost, and the same action does the rest";

/// Ends the records of actions without an end that were begun on the server `name`.
pub(crate) async fn recover(stores: &Stores, name: &str) -> Result<u64, StoreError> {
    let mut ended = 0;
    for logged in stores.desk.actions(NEWEST).await? {
        if logged.outcome.is_none() && logged.action.who.ends_with(&via(name)) {
            stores.desk.note(&logged.action.id, logged.done, Some(ENDED)).await?;
            info!(action = logged.action.id, "an action of the site was not done when this server ended");
            ended += 1;
        }
    }
    Ok(ended)
}

/// What the name of whoever acts on the server `name` ends with.
pub(crate) fn via(name: &str) -> String {
    format!(" via {name}")
}

/// The name of this server: no other one listens there.
pub(crate) fn server_name(listen: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "unknown" } else { host.trim() };
    format!("{}:{listen}", domain::one_line(host, 60))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use desk::{Acting, Verb};
    use ports::store::LetterFilter;
    use testkit::clock::ManualClock;
    use testkit::contract::store::sample::at;
    use testkit::memory::MemoryStore;

    use super::*;

    /// The other server may still be at it.
    #[tokio::test]
    async fn only_what_this_server_had_begun_is_ended() {
        let stores = Stores::of(Arc::new(MemoryStore::new(Arc::new(ManualClock::default()))));
        for who in ["a via one:9464", "b via two:9464", "someone@one:9464"] {
            let acting =
                Acting::plan(&stores, LetterFilter::default(), Verb::Replay, who, at(0)).await.unwrap();
            acting.begin(&stores).await.unwrap();
            acting.note(&stores, 3).await.unwrap();
        }
        assert_eq!(recover(&stores, "one:9464").await.unwrap(), 1);
        assert_eq!(recover(&stores, "one:9464").await.unwrap(), 0, "once");
        let ended: Vec<_> = stores.desk.actions(9).await.unwrap();
        let ended: Vec<_> = ended.iter().filter(|logged| logged.outcome.is_some()).collect();
        assert_eq!((ended.len(), ended[0].done, ended[0].action.who.as_str()), (1, 3, "a via one:9464"));
        assert!(ended[0].outcome.as_deref().is_some_and(|outcome| outcome.contains("nothing is lost")));
    }
}
