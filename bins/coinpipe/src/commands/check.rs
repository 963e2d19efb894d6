//! `coinpipe check`: one line for each thing that the pipeline needs.

use std::sync::Arc;

use anyhow::{anyhow, bail};
use config::SecretUrl;
use fetcher::{ChosenSource, KeyStatus};
use ports::QueueName;
use service::{Process, Queues, Stores};

use super::run;
use crate::adapters::Found;
use crate::{data_kind, numbers, output};

pub(crate) async fn run(process: &Process) -> anyhow::Result<()> {
    // A mistake that ends `run` with code 2 ends `check` with code 2, too.
    alerter::check_settings(process)?;
    let source = fetcher::choose_source(&process.config().fetch, Arc::clone(&process.clock)).await?;
    fetcher::check_settings(process, &source)?;
    let mut failed = 0;
    let mut line = |name: &str, result: anyhow::Result<String>| {
        let text = match result {
            Ok(text) => format!("ok      {name:<8}{text}"),
            Err(error) => {
                failed += 1;
                format!("failed  {name:<8}{error:#}")
            }
        };
        output::print(text)
    };
    // The configuration was checked when it was loaded: a mistake would have ended the program with code 2.
    line("config", Ok(format!("{} settings", process.loaded.settings().len())))?;
    let queues = process.open_queues_read_only().await;
    let queue = queue(process, queues.as_ref()).await;
    let stores = process.open_stores_read_only().await;
    let store = store(process, stores.as_ref()).await;
    let found = match (queues, stores) {
        (Ok(queues), Ok(stores)) if queue.is_ok() && store.is_ok() => Some(Found { queues, stores }),
        _ => None,
    };
    line("queue", queue)?;
    line("store", store)?;
    line("mail", alerter::check(process).await)?;
    line("api", api(process, &source, found.as_ref()).await)?;
    if failed > 0 {
        bail!("{failed} of the checks failed");
    }
    Ok(())
}

async fn queue(process: &Process, queues: Result<&Option<Queues>, &anyhow::Error>) -> anyhow::Result<String> {
    let queues = queues.map_err(|error| anyhow!("{error:#}"))?;
    let url = &process.config().queue.url;
    service::check_writable(url)?;
    let Some(queues) = queues else { return Ok(to_be_made(url)) };
    service::check_arguments(process.config(), Arc::clone(&process.clock)).await?;
    let mut waiting = 0;
    for queue in QueueName::ALL {
        waiting += queues.queue.depth(queue).await?.total();
    }
    let waiting = numbers::counted(waiting, "message");
    Ok(format!("{}, {waiting}", service::place(url)))
}

async fn store(process: &Process, stores: Result<&Option<Stores>, &anyhow::Error>) -> anyhow::Result<String> {
    let stores = stores.map_err(|error| anyhow!("{error:#}"))?;
    let url = &process.config().store.url;
    service::check_writable(url)?;
    match stores {
        // A file was opened for reading; a server says itself when it takes nothing.
        Some(stores) if service::file_of(url).is_none() => stores.store.ready().await?,
        Some(_) => {}
        None => return Ok(to_be_made(url)),
    }
    Ok(service::place(url))
}

fn to_be_made(url: &SecretUrl) -> String {
    format!("{}: not there yet, will be made", service::place(url))
}

/// Whether the API answers, and whether its quotes are of the kind that the store holds, if the store can be read.
async fn api(process: &Process, source: &ChosenSource, found: Option<&Found>) -> anyhow::Result<String> {
    let status = fetcher::check(process, source).await?;
    if let Some(found) = found {
        data_kind::check(process, source, found).await?;
    }
    Ok(format!("{}; {}", run::describe(source), limits(&status)))
}

/// What the key may still do, in words.
fn limits(status: &KeyStatus) -> String {
    let mut parts = Vec::new();
    if let Some(left) = status.monthly_left {
        let of =
            status.monthly_limit.map(|limit| format!(" of {}", numbers::count(limit))).unwrap_or_default();
        let reset =
            status.resets_at.map(|at| format!(" until {}", at.format("%Y-%m-%d"))).unwrap_or_default();
        parts.push(format!("{}{of} credits left{reset}", numbers::count(left)));
    }
    if let Some(limit) = status.minute_limit {
        parts.push(format!("{} a minute", numbers::counted(limit, "request")));
    }
    if parts.is_empty() {
        parts.push("the key works".to_owned());
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_key_may_do_is_told_as_far_as_it_is_known() {
        let status = KeyStatus {
            minute_limit: Some(30),
            monthly_limit: Some(2_000_000),
            monthly_left: Some(9500),
            resets_at: domain::timestamp::from_text("2026-12-01T00:00:00.000Z"),
            simulated: false,
        };
        assert_eq!(limits(&status), "9,500 of 2,000,000 credits left until 2026-12-01, 30 requests a minute");
        assert_eq!(limits(&KeyStatus::default()), "the key works");
        // Whatever an API claims is written.
        let most = KeyStatus {
            monthly_left: Some(u64::MAX),
            resets_at: Some(chrono::DateTime::<chrono::Utc>::MAX_UTC),
            ..KeyStatus::default()
        };
        assert!(limits(&most).starts_with("18,446,744,073,709,551,615 credits left until +262142-12-31"));
    }
}
