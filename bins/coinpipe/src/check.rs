//! `coinpipe check`: one line for each thing that the pipeline needs.

use std::sync::Arc;

use anyhow::bail;
use ports::QueueName;
use service::Process;

use crate::{output, run};

pub(crate) async fn run(process: &Process) -> anyhow::Result<()> {
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
    match service::open_queue_and_store(process.config(), Arc::clone(&process.clock)).await {
        Ok(adapters) => {
            line("queue", queue(process, &adapters).await)?;
            line("store", store(process, &adapters).await)?;
        }
        Err(error) => line("queue", Err(error.context("queue or store")))?,
    }
    line("mail", alerter::check(process).await)?;
    line("api", api(process).await)?;
    if failed > 0 {
        bail!("{failed} of the checks failed");
    }
    Ok(())
}

async fn queue(process: &Process, adapters: &service::Adapters) -> anyhow::Result<String> {
    let mut waiting = 0;
    for queue in QueueName::ALL {
        waiting += adapters.queue.depth(queue).await?.total();
    }
    Ok(format!("{}, {waiting} messages", service::place(&process.config().queue.url)))
}

async fn store(process: &Process, adapters: &service::Adapters) -> anyhow::Result<String> {
    adapters.store.ready().await?;
    Ok(service::place(&process.config().store.url))
}

async fn api(process: &Process) -> anyhow::Result<String> {
    let source = service::choose_source(&process.config().fetch, Arc::clone(&process.clock)).await?;
    let status = fetcher::check(process, &source).await?;
    Ok(format!("{}; {status}", run::describe(&source)))
}
