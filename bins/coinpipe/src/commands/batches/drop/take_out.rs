//! Taking a batch out of the tables, portion by portion, with a progress bar.

use std::time::Duration;

use anyhow::bail;
use indicatif::ProgressBar;
use ports::DropPosition;
use service::Process;

use super::around::Around;
use crate::adapters::Adapters;
use crate::numbers;

/// How often the progress is drawn.
const TICK: Duration = Duration::from_millis(200);

/// What left the tables.
#[derive(Default)]
pub(super) struct TakenOut {
    /// Rows of `quotes_latest`, and those of them that fell back.
    pub(super) latest: u64,
    pub(super) fell_back: u64,
    /// Coins that it alone had.
    pub(super) coins: u64,
    /// Quotes that left the history, and those of them that an earlier batch may have had.
    pub(super) quotes: u64,
    pub(super) shared: u64,
    /// Rows of a kind of the market.
    pub(super) rows: u64,
}

impl TakenOut {
    /// Whether there was nothing.
    pub(super) fn is_nothing(&self) -> bool {
        self.latest + self.quotes + self.rows == 0
    }
}

/// Takes the batch out, which has these `around` it, from one `position` on after the other; `None` when asked to stop before the end.
pub(super) async fn take_out(
    process: &Process,
    adapters: &Adapters,
    around: &Around,
    why: &str,
    positions: &[DropPosition],
) -> anyhow::Result<Option<TakenOut>> {
    let (stop, drops, id) = (process.shutdown.soft(), &adapters.stores.drops, &around.batch.id);
    let Some(marked) = drops.mark_dropped(id, why).await? else { bail!("there is no batch {id} any more") };
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(TICK);
    let mut out = TakenOut { rows: marked.rows, ..TakenOut::default() };
    let shared_until = around.shared_until();
    for begin in positions {
        let mut next = Some(*begin);
        while let Some(at) = next {
            if stop.is_cancelled() {
                bar.finish_and_clear();
                return Ok(None);
            }
            let portion = drops.drop_portion(id, at).await?;
            out.latest += portion.latest;
            out.fell_back += portion.fell_back;
            out.coins += portion.coins;
            out.quotes += portion.quotes.len() as u64;
            // A quote that changed after the fetch before cannot have been in it.
            let shared = portion.quotes.iter().filter(|at| shared_until.is_some_and(|until| **at <= until));
            out.shared += shared.count() as u64;
            next = portion.next;
            bar.set_message(format!(
                "{} of quotes_latest and {} of the history are out",
                numbers::count(out.latest),
                numbers::count(out.quotes)
            ));
        }
    }
    bar.finish_and_clear();
    Ok(Some(out))
}
