//! `coinpipe config` and `coinpipe migrate`.

use service::Process;

use crate::output;

/// Every setting, its value and where it came from.
pub(crate) async fn show(process: &Process) -> anyhow::Result<()> {
    let settings = process.loaded.settings();
    let width =
        settings.iter().map(|setting| setting.name.len() + setting.shown.len()).max().unwrap_or(0).min(60);
    for setting in settings {
        let assignment = format!("{} = {}", setting.name, setting.shown);
        output::print(format!("{assignment:width$}  # {}", setting.layer))?;
    }
    Ok(())
}

/// Creates or updates the tables.
pub(crate) async fn migrate(process: &Process) -> anyhow::Result<()> {
    let config = process.config();
    process.open_queues().await?;
    output::print(format!("queue  {} is up to date", service::place(&config.queue.url)))?;
    process.open_stores().await?;
    output::print(format!("store  {} is up to date", service::place(&config.store.url)))
}
