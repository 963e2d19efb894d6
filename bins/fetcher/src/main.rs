//! Runs the fetcher alone.

use std::process::ExitCode;
use std::sync::Arc;

use domain::StageName;

fn main() -> ExitCode {
    service::run_stage_binary(StageName::Fetcher, async |process, adapters| {
        let source = service::choose_source(&process.config().fetch, Arc::clone(&process.clock)).await?;
        fetcher::run(process, adapters, &source).await
    })
}
