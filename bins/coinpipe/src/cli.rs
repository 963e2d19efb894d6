//! What can be typed: the commands, each of which describes its own arguments.

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use service::CommonArgs;

use crate::commands::alerts::AlertsArgs;
use crate::commands::archive::ArchiveArgs;
use crate::commands::backfill::BackfillArgs;
use crate::commands::batches::BatchesArgs;
use crate::commands::dead::DeadArgs;
use crate::commands::export::ExportArgs;
use crate::commands::gaps::GapsArgs;
use crate::commands::health::HealthArgs;
use crate::commands::import::ImportArgs;
use crate::commands::price::PriceArgs;
use crate::commands::replay::ReplayArgs;
use crate::commands::run::RunArgs;
use crate::commands::simulate::SimulateArgs;
use crate::commands::status::StatusArgs;
use crate::commands::top::TopArgs;
use crate::commands::verify::VerifyArgs;

/// Keeps a SQL table of CoinMarketCap quotes fresh, correct and complete.
///
/// Without a command: `run`. Settings come from `--config FILE` and from environment variables such as
/// `COINPIPE__FETCH__EVERY=30m`; `coinpipe config` lists them all.
#[derive(Parser, Debug)]
#[command(version)]
pub(crate) struct Cli {
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    run: RunArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

impl Cli {
    /// What was typed; a mistake in it ends the program with code 2.
    pub(crate) fn from_args() -> (CommonArgs, Command) {
        let Self { common, run, command } = Self::parse();
        match command {
            None => (common, Command::Run(run)),
            Some(_) if run.is_once() => Self::command()
                .error(ErrorKind::ArgumentConflict, "--once belongs to no other command: coinpipe --once")
                .exit(),
            Some(command) => (common, command),
        }
    }
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run all stages in this process, on the schedule, until Ctrl-C
    Run(RunArgs),
    /// Try configuration, queue, store, mail and API key, one line each
    Check,
    /// Show freshness, queue depths, the last batches and open dead-letter groups
    Status(StatusArgs),
    /// Show what coins cost: the newest price, its changes, and a line of a span
    Price(PriceArgs),
    /// Write the history into files
    Export(ExportArgs),
    /// Show the market and the pipeline live in the terminal; q quits
    Top(TopArgs),
    /// Show the ledger: every batch, and what is missing of it
    Batches(BatchesArgs),
    /// Show the slots that were due and have no snapshot; exit code 1 when there are any
    Gaps(GapsArgs),
    /// Show what is open, silenced or resolved; silence it for a time, call it resolved
    Alerts(AlertsArgs),
    /// Show the dead letters, and send, edit, resolve or drop them
    Dead(DeadArgs),
    /// Load batches again from the archive of fetched pages
    Replay(ReplayArgs),
    /// Hold archive, ledger and tables against each other
    Verify(VerifyArgs),
    /// Fill slots that nobody fetched from the API's history; costs credits
    Backfill(BackfillArgs),
    /// The archive of what was fetched
    Archive(ArchiveArgs),
    /// Take over a table that another program filled
    Import(ImportArgs),
    /// Show every setting and where its value came from; secrets are hidden
    Config,
    /// Create or update the queues and the tables
    ///
    /// Makes what is missing, says what it made, and changes nothing else; it may run again, and while coinpipe runs. coinpipe does the
    /// same when it starts, so this is for users who may not make tables there, and for upgrades. Of the store it names steps:
    /// what each of them added to the tables of a version before.
    Migrate,
    /// Serve a made-up (or recorded) CoinMarketCap API
    Simulate(SimulateArgs),
    /// Ask a running process whether it is well: exit code 0 when it is, 1 when not
    Health(HealthArgs),
}
