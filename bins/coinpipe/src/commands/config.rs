//! `coinpipe config`: the settings.

use config::{Config, Source};
use fetcher::Spending;
use service::Process;

use crate::output;

/// Every setting, its value and where it came from: a file that `--config` takes. A comment says what the schedule costs.
pub(crate) async fn run(process: &Process) -> anyhow::Result<()> {
    let Config { fetch, market, .. } = process.config();
    let cost = match fetch.source {
        Source::Auto => fetcher::free_plan(&Spending::of(fetch, market)),
        Source::Keyless => "what needs no key and costs nothing".to_owned(),
    };
    let by_id = fetcher::asked_by_id(fetch).map(|asked| format!("\n# {asked}")).unwrap_or_default();
    output::print(format!("{}\n\n# [fetch] asks for {cost}{by_id}", process.loaded.to_toml().trim_end()))
}
