//! Runs the transformer alone.

use std::process::ExitCode;

use domain::StageName;

fn main() -> ExitCode {
    service::run_stage_binary(StageName::Transformer, env!("CARGO_PKG_DESCRIPTION"), async |process| {
        transformer::declare_metrics(&process.metrics);
        transformer::run(process, &process.open_queues().await?).await
    })
}
