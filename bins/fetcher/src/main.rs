//! Runs the fetcher alone.

use std::process::ExitCode;
use std::sync::Arc;

use domain::StageName;

fn main() -> ExitCode {
    service::run_stage_binary(StageName::Fetcher, env!("CARGO_PKG_DESCRIPTION"), async |process| {
        fetcher::declare_metrics(&process.metrics);
        let source = fetcher::choose_source(&process.config().fetch, Arc::clone(&process.clock)).await?;
        fetcher::check_settings(process, &source)?;
        fetcher::run(process, &process.open_queues().await?, None, &source).await
    })
}
