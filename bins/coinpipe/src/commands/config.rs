//! `coinpipe config`: the settings.

use service::Process;

use crate::output;

/// Every setting, its value and where it came from: a file that `--config` takes.
pub(crate) async fn run(process: &Process) -> anyhow::Result<()> {
    output::print(process.loaded.to_toml().trim_end())
}
