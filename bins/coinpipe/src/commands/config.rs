//! `coinpipe config`: the settings.

use fetcher::Spending;
use service::Process;

use crate::output;

/// Every setting, its value and where it came from: a file that `--config` takes. A comment says what the schedule costs.
pub(crate) async fn run(process: &Process) -> anyhow::Result<()> {
    let cost = fetcher::free_plan(&Spending::of(&process.config().fetch));
    output::print(format!("{}\n\n# [fetch] asks for {cost}", process.loaded.to_toml().trim_end()))
}
