//! Runs the alerter alone.

use std::process::ExitCode;

use domain::StageName;

fn main() -> ExitCode {
    service::run_stage_binary(StageName::Alerter, env!("CARGO_PKG_DESCRIPTION"), async |process| {
        alerter::declare_metrics(&process.metrics);
        alerter::check_settings(process)?;
        let (queues, stores) = (process.open_queues().await?, process.open_stores().await?);
        site::open(process, &queues, &stores, None);
        alerter::run(process, &queues, &stores).await
    })
}
