//! `coinpipe config` and `coinpipe migrate`.

use std::sync::Arc;

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
    service::open_queue_and_store(process.config(), Arc::clone(&process.clock)).await?;
    let config = process.config();
    output::print(format!("queue  {} is up to date", service::place(&config.queue.url)))?;
    output::print(format!("store  {} is up to date", service::place(&config.store.url)))
}
