//! Runs the loader alone.

use std::process::ExitCode;

use domain::StageName;

fn main() -> ExitCode {
    service::run_stage_binary(StageName::Loader, env!("CARGO_PKG_DESCRIPTION"), async |process| {
        loader::declare_metrics(&process.metrics);
        loader::run(process, &process.open_queues().await?, &process.open_stores().await?).await
    })
}
