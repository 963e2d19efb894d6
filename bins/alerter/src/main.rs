//! Runs the alerter alone.

use std::process::ExitCode;

use domain::StageName;

fn main() -> ExitCode {
    service::run_stage_binary(StageName::Alerter, async |process, adapters| {
        alerter::run(process, adapters).await
    })
}
