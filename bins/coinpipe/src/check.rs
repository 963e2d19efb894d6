//! `coinpipe check`: one line for each thing that the pipeline needs.

use std::sync::Arc;

use anyhow::{anyhow, bail};
use ports::QueueName;
use service::{Process, Queues, Source, Stores};

use crate::origin::{self, Adapters};
use crate::{output, run};

pub(crate) async fn run(process: &Process) -> anyhow::Result<()> {
    // What would end `run` with code 2 ends the check of it in the same way.
    alerter::check_settings(process)?;
    let source = service::choose_source(&process.config().fetch, Arc::clone(&process.clock)).await?;
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
    // Reading it was the check: a mistake would have ended the program with code 2.
    line("config", Ok(format!("{} settings", process.loaded.settings().len())))?;
    let queues = process.open_queues().await;
    let queue = queue(process, queues.as_ref()).await;
    let stores = process.open_stores().await;
    let store = store(process, stores.as_ref()).await;
    let both_work = queue.is_ok() && store.is_ok();
    let adapters = queues.ok().zip(stores.ok()).filter(|_| both_work);
    let adapters = adapters.map(|(queues, stores)| Adapters { queues, stores });
    line("queue", queue)?;
    line("store", store)?;
    line("mail", alerter::check(process).await)?;
    line("api", api(process, &source, adapters.as_ref()).await)?;
    if failed > 0 {
        bail!("{failed} of the checks failed");
    }
    Ok(())
}

async fn queue(process: &Process, queues: Result<&Queues, &anyhow::Error>) -> anyhow::Result<String> {
    let queues = queues.map_err(|error| anyhow!("{error:#}"))?;
    let mut waiting = 0;
    for queue in QueueName::ALL {
        waiting += queues.queue.depth(queue).await?.total();
    }
    let waiting = output::counted(waiting, "message");
    Ok(format!("{}, {waiting}", service::place(&process.config().queue.url)))
}

async fn store(process: &Process, stores: Result<&Stores, &anyhow::Error>) -> anyhow::Result<String> {
    let stores = stores.map_err(|error| anyhow!("{error:#}"))?;
    stores.store.ready().await?;
    Ok(service::place(&process.config().store.url))
}

/// Whether the API answers, and with quotes that may go into the store, when that can be looked into.
async fn api(process: &Process, source: &Source, adapters: Option<&Adapters>) -> anyhow::Result<String> {
    let status = fetcher::check(process, source).await?;
    if let Some(adapters) = adapters {
        origin::check(process, source, adapters).await?;
    }
    Ok(format!("{}; {status}", run::describe(source)))
}
