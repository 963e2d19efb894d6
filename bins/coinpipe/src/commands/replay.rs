//! `coinpipe replay`: pages from the archive go through the pipeline again, as they were fetched.
//!
//! The archive is read, not consumed, from the first page that can matter to where it ended at the start. Pages
//! keep their ids, so whatever is right already stays as it is, and a replay can be repeated, or run beside live
//! work. Few pages wait in the queue at a time, so that a live page never waits long behind a replay.

mod arrivals;
mod pace;
mod pages;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::{ArgGroup, Args};
use domain::{BatchId, ReplayId};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ports::{Archive, ArchiveRange, QueueName};
use service::{Process, Usage};
use tokio_util::sync::CancellationToken;

use super::run;
use super::transit::until_answered;
use crate::adapters::{self, Adapters};
use crate::numbers;
use crate::output;
use crate::page_files::PageFiles;
use crate::selection::{Selection, SpanArgs};
use arrivals::Arrivals;
use pace::Pace;
use pages::{Pages, Seen, Stored};

/// How often the bar is drawn.
const TICK: Duration = Duration::from_millis(50);

/// Pages go through the pipeline again as they were fetched, under the same ids: what is right already stays as
/// it is. With the queue in a file this command does the work; with RabbitMQ the running workers do.
#[derive(Args, Debug, Default)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["from", "to", "last", "batch", "all", "files"]))]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    span: SpanArgs,
    /// Not the archive but these files, folders or patterns ('dir/*.json*'): what `archive export` wrote, and
    /// recorded responses of the API, plain or compressed (gzip, zstd)
    #[arg(long, num_args = 1.., value_name = "FILE", conflicts_with = "all")]
    files: Vec<String>,
    /// Let the rules of this version replace what earlier versions made of the same pages
    #[arg(long)]
    rebuild: bool,
    /// Also when the batch was dropped: it is in the tables again then
    #[arg(long, requires = "batch")]
    even_dropped: bool,
    /// List the batches and replay nothing
    #[arg(long)]
    dry_run: bool,
    /// At most so many pages a minute; without it, as fast as the workers go
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU32>,
    /// Go on where a replay that was stopped said it was
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
}

pub(crate) async fn run(process: &Process, args: &ReplayArgs) -> anyhow::Result<()> {
    let selection = Selection::new(&args.span, process.clock.now())?;
    // clap does not require what conflicts with something that is given.
    if args.even_dropped && selection.batch().is_none() {
        let all = "--even-dropped goes with --batch: what was dropped comes back one batch at a time";
        return Err(Usage(all.to_owned()).into());
    }
    let files = if args.files.is_empty() { None } else { Some(Arc::new(PageFiles::find(&args.files)?)) };
    if args.dry_run {
        return process.unless_stopped(list(process, args, selection, files)).await;
    }
    let opening = async {
        // Files may be the first that a store sees.
        let is_new = files.is_some();
        let adapters =
            if is_new { adapters::open(process).await } else { adapters::open_existing(process).await }?;
        let archive = adapters.queues.archive.clone();
        let pages = Pages::new(args, archive, files, selection, new_replay_id(process)).await?;
        Ok((adapters, pages))
    };
    let (adapters, pages) = process.unless_stopped(opening).await?;
    let replay = Replay { process, adapters: &adapters, pages };
    beside_workers(process, replay.adapters, replay.run()).await
}

/// Lists the batches that a replay would send. Creates and changes nothing.
async fn list(
    process: &Process,
    args: &ReplayArgs,
    selection: Selection,
    files: Option<Arc<PageFiles>>,
) -> anyhow::Result<()> {
    let found = adapters::find(process).await?;
    let archive: Arc<dyn Archive> = match (&files, found.queues) {
        (Some(files), _) => files.clone(),
        (None, Some(queues)) => queues.archive,
        (None, None) => bail!(adapters::nothing_at(&process.config().queue.url)),
    };
    let pages = Pages::new(args, archive, files, selection, new_replay_id(process)).await?;
    pages.list(found.stores.as_ref()).await
}

/// Sends the pages of `archive`, all of them, through the pipeline, and waits until they are loaded. `false` when asked to
/// stop before.
pub(crate) async fn load(
    process: &Process,
    adapters: &Adapters,
    archive: Arc<dyn Archive>,
) -> anyhow::Result<bool> {
    let args = ReplayArgs { span: SpanArgs::all(), ..ReplayArgs::default() };
    let selection = Selection::new(&args.span, process.clock.now())?;
    let pages = Pages::new(&args, archive, None, selection, new_replay_id(process)).await?;
    let replay = Replay { process, adapters, pages };
    beside_workers(process, adapters, async {
        let (_, arrivals, _) = replay.deliver().await?;
        let is_stopped = process.shutdown.soft().is_cancelled();
        if !is_stopped {
            arrivals.check()?;
        }
        Ok(!is_stopped)
    })
    .await
}

/// Sends these batches through the pipeline again, as far as the archive has them, and waits until they are loaded. Those of
/// which it had pages; `None` when asked to stop before.
pub(crate) async fn again(
    process: &Process,
    adapters: &Adapters,
    batches: &[BatchId],
    rebuild: bool,
) -> anyhow::Result<Option<Vec<BatchId>>> {
    let selection = Selection::among(batches.iter().cloned().collect());
    let args = ReplayArgs { rebuild, ..ReplayArgs::default() };
    let archive = adapters.queues.archive.clone();
    let pages = Pages::new(&args, archive, None, selection, new_replay_id(process)).await?;
    let replay = Replay { process, adapters, pages };
    beside_workers(process, adapters, async {
        let (_, arrivals, _) = replay.deliver().await?;
        if process.shutdown.soft().is_cancelled() {
            return Ok(None);
        }
        arrivals.check()?;
        Ok(Some(arrivals.arrived().cloned().collect()))
    })
    .await
}

/// The id of a replay that begins now. Its pages carry it: a page that dies in it is reported again, and the ledger counts
/// by it what this replay loaded. The time in it is for people; the random number keeps two replays apart.
fn new_replay_id(process: &Process) -> ReplayId {
    let begun = domain::timestamp::to_text(process.clock.now());
    ReplayId::new(format!("replay/{begun}/{:016x}", fastrand::u64(..))).expect("it is short and plain")
}

/// Does `work`, which needs transformers and loaders. With the queue in a file there may be no other process with them, so
/// they run in this one until `work` is done.
pub(crate) async fn beside_workers<T>(
    process: &Process,
    adapters: &Adapters,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    if service::file_of(&process.config().queue.url).is_none() {
        return work.await;
    }
    alerter::check_settings(process)?;
    let stop = process.shutdown.soft();
    let working = async {
        let result = work.await;
        stop.cancel();
        result
    };
    let (done, drained) = tokio::join!(working, Box::pin(run::run_consumers(process, adapters)));
    let done = done?;
    drained.map(|()| done)
}

/// What was replayed, in words.
fn contents(coins: u64, rows: u64) -> String {
    let (coins, rows) =
        (Some(coins).filter(|coins| *coins > 0 || rows == 0), Some(rows).filter(|rows| *rows > 0));
    let coins = coins.map(|coins| numbers::counted(coins, "coin"));
    let rows = rows.map(|rows| format!("{} of the market", numbers::counted(rows, "row")));
    coins.into_iter().chain(rows).collect::<Vec<_>>().join(" and ")
}

fn hold_no_page(files: usize) -> String {
    if files == 1 { "1 file holds no page".to_owned() } else { format!("{files} files hold no page") }
}

#[cfg(test)]
#[test]
fn rows_are_not_called_coins() {
    let told = [(200, 0), (0, 0), (1, 4), (0, 1)].map(|(coins, rows)| contents(coins, rows));
    assert_eq!(told, ["200 coins", "0 coins", "1 coin and 4 rows of the market", "1 row of the market"]);
}

struct Replay<'a> {
    process: &'a Process,
    adapters: &'a Adapters,
    pages: Pages<'a>,
}

impl Replay<'_> {
    /// Publishes what is wanted and waits until it is loaded.
    async fn run(&self) -> anyhow::Result<()> {
        let (seen, arrivals, position) = self.deliver().await?;
        if self.process.shutdown.soft().is_cancelled() {
            output::say(format!(
                "stopped; what was published ({}) will be loaded all the same. To go on: the same command with \
                 --after {position}",
                numbers::counted(seen.published, "page"),
            ));
            return Ok(());
        }
        if let Some(batch) = self.pages.batch().filter(|_| seen.pages.is_empty()) {
            if seen.dropped > 0 {
                bail!("batch {batch} was dropped; with --even-dropped it is in the tables again");
            }
            if batch.endpoint().starts_with(domain::endpoint::IMPORTED) {
                bail!("there is no page of batch {batch}: what was imported is in no archive");
            }
            bail!("there is no page of batch {batch}");
        }
        for (batch, pages, of) in arrivals.partial() {
            output::say(format!(
                "warning: only {pages} of the {of} pages of {batch} were there; they are loaded"
            ));
        }
        // Of a file without a page enough is said.
        if seen.pages.is_empty() && !self.pages.bad_files().is_empty() {
            arrivals.check()?;
            bail!("{}; nothing was replayed", hold_no_page(self.pages.bad_files().len()));
        }
        output::print(format!(
            "Replayed {} of {}, {}",
            numbers::counted(seen.published, "page"),
            numbers::batches(arrivals.batches() + arrivals.lost().len() as u64),
            contents(arrivals.coins(), arrivals.rows()),
        ))?;
        let rejected = arrivals.rejected();
        if rejected > 0 {
            let rejected = numbers::count(rejected);
            output::print(format!("rejected  {rejected} of them; `coinpipe dead list` says why"))?;
        }
        arrivals.check()?;
        let others = if seen.pages.is_empty() { "nothing was replayed" } else { "the others were replayed" };
        match self.pages.bad_files().len() {
            0 if self.pages.leaves_out_every_file(&seen) => bail!("every file was left out; {others}"),
            0 if rejected > 0 => {
                let are = if rejected == 1 { "is" } else { "are" };
                bail!(
                    "{} of what was replayed {are} rejected, and not in the tables",
                    numbers::count(rejected)
                )
            }
            0 => Ok(()),
            files => bail!("{}; {others}", hold_no_page(files)),
        }
    }

    /// Publishes what is wanted and waits for it, with a progress bar. Returns what it saw and published, what arrived, and
    /// the position it reached.
    async fn deliver(&self) -> anyhow::Result<(Seen, Arrivals, u64)> {
        let stop = self.process.shutdown.soft();
        let bar = self.bar();
        let outcome = self.publish_all(&bar, &stop).await;
        bar.finish_and_clear();
        let outcome = outcome?;
        self.pages.tell(&outcome.0);
        outcome.1.tell_dropped();
        Ok(outcome)
    }

    async fn publish_all(
        &self,
        bar: &ProgressBar,
        stop: &CancellationToken,
    ) -> anyhow::Result<(Seen, Arrivals, u64)> {
        let ArchiveRange { after, end } = self.pages.range();
        let clock = &*self.process.clock;
        let mut pace = Pace::new(self, bar);
        let mut stored = Stored::of(&self.adapters.stores).await?;
        let mut seen = Seen::default();
        let mut position = after;
        'archive: while position < end && !stop.is_cancelled() {
            let pages = until_answered(clock, stop, async || self.pages.read(position).await).await?;
            if pages.is_empty() {
                seen.is_cut = !stop.is_cancelled();
                break;
            }
            for page in pages {
                if page.position > end {
                    seen.is_cut = true;
                    position = end;
                    break;
                }
                if let Some((meta, message)) = self.pages.wanted(page.message, &stored, &mut seen) {
                    if !pace.wait_for_room(stop).await? {
                        break 'archive;
                    }
                    // Not before a page of it is found: without one it would only be incomplete.
                    if stored.dropped.remove(&meta.batch) {
                        let drops = &self.adapters.stores.drops;
                        until_answered(clock, stop, async || drops.readmit(&meta.batch).await).await?;
                    }
                    pace.expect(&meta);
                    let queue = &self.adapters.queues.queue;
                    let messages = [message];
                    until_answered(clock, stop, async || queue.publish(QueueName::Raw, &messages).await)
                        .await?;
                    if stop.is_cancelled() {
                        break 'archive;
                    }
                    seen.published += 1;
                }
                position = page.position;
                bar.set_position(position - after);
            }
        }
        if !stop.is_cancelled() {
            pace.wait_for_arrivals(stop).await?;
        }
        Ok((seen, pace.into_arrivals(), position))
    }

    fn bar(&self) -> ProgressBar {
        let ArchiveRange { after, end } = self.pages.range();
        let bar = ProgressBar::with_draw_target(Some(end - after), ProgressDrawTarget::stderr());
        if let Ok(style) =
            ProgressStyle::with_template("{wide_bar} {pos}/{len} pages, {msg} [{elapsed}, {eta} left]")
        {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        bar
    }
}
