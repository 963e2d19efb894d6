//! Runs the loader alone.

use std::process::ExitCode;

use domain::StageName;

fn main() -> ExitCode {
    service::run_stage_binary(StageName::Loader, async |process, adapters| {
        loader::run(process, adapters).await
    })
}
