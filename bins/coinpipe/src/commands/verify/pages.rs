//! The pages of the archive, cleaned in this process, on all its cores.

use std::num::NonZero;

use anyhow::ensure;
use domain::{MarketKind, Message, PageMeta, decompress_body};
use indicatif::{ProgressBar, ProgressDrawTarget};
use ports::{Archive, ArchiveRange};
use service::Process;
use tokio::task::JoinSet;
use transformer::chunk_keys;

use super::compare::{CleanedPage, Compared};
use crate::archived;
use crate::selection::Selection;

/// Compares what `selection` wants of `archive`.
pub(super) async fn compare_all(
    process: &Process,
    archive: &dyn Archive,
    selection: &Selection,
    compared: &mut Compared<'_>,
) -> anyhow::Result<()> {
    let ArchiveRange { after, end } = archive.range(selection.archived_since()).await?;
    let bar = ProgressBar::with_draw_target(Some(end - after), ProgressDrawTarget::stderr());
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut cleaning = JoinSet::new();
    let mut position = after;
    while position < end {
        let pages = archived::read(archive, position).await?;
        let Some(last) = pages.last() else { break };
        position = last.position;
        for page in pages.into_iter().filter(|page| page.position <= end) {
            let Ok(meta) = PageMeta::from_headers(&page.message.headers) else {
                compared.unreadable();
                continue;
            };
            if !selection.wants(&meta) || !compared.wants(&meta) {
                continue;
            }
            if MarketKind::of_endpoint(&meta.endpoint).is_some() {
                compared.add_without_quotes(&meta);
                continue;
            }
            while cleaning.len() >= workers {
                next(&mut cleaning, compared).await?;
            }
            let (coins, now) = (process.config().transform.chunk_coins, process.clock.now());
            cleaning.spawn_blocking(move || cleaned(meta, &page.message, coins, now));
        }
        bar.set_position(position - after);
    }
    while !cleaning.is_empty() {
        next(&mut cleaning, compared).await?;
    }
    bar.finish_and_clear();
    compared.look_up().await
}

async fn next(cleaning: &mut JoinSet<CleanedPage>, compared: &mut Compared<'_>) -> anyhow::Result<()> {
    if let Some(page) = cleaning.join_next().await {
        ensure!(page.is_ok(), "a page could not be cleaned: {page:?}", page = page.err());
        if let Ok(page) = page {
            compared.add(page).await?;
        }
    }
    Ok(())
}

fn cleaned(
    meta: PageMeta,
    message: &Message,
    chunk_coins: u32,
    now: chrono::DateTime<chrono::Utc>,
) -> CleanedPage {
    // A clock that is behind would reject what the page has.
    let now = now.max(meta.fetched_at);
    let chunks =
        decompress_body(&message.body).ok().and_then(|body| chunk_keys(&meta, &body, chunk_coins, now).ok());
    CleanedPage { meta, chunks }
}
