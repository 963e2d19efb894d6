//! What can be typed.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::error::ErrorKind;
use clap::{ArgGroup, Args, CommandFactory, Parser, Subcommand};
use service::CommonArgs;

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
            Some(_) if run.once => Self::command()
                .error(ErrorKind::ArgumentConflict, "--once belongs to `run`: coinpipe run --once")
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
    Status(JsonArgs),
    /// Show the ledger: every batch, and what is missing of it
    Batches(BatchesArgs),
    /// Show the dead letters
    Dead(DeadArgs),
    /// Load batches again from the archive of fetched pages
    Replay(ReplayArgs),
    /// The archive of what was fetched
    Archive(ArchiveArgs),
    /// Take over a table that another program filled
    Import(ImportArgs),
    /// Show every setting and where its value came from; secrets are hidden
    Config,
    /// Create or update the queues and the tables
    Migrate,
    /// Serve a made-up (or recorded) CoinMarketCap API
    Simulate(SimulateArgs),
    /// Ask a running process whether it is well: exit code 0 when it is, 1 when not
    Health(HealthArgs),
}

#[derive(Args, Debug, Default)]
pub(crate) struct RunArgs {
    /// Fetch one snapshot, load it, show the top of the table, and exit
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Args, Debug)]
pub(crate) struct JsonArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BatchesArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Only those of which something is missing, with where it is
    #[arg(long)]
    pub(crate) incomplete: bool,
    /// How many batches, newest first
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) limit: u32,
}

#[derive(Args, Debug)]
pub(crate) struct DeadArgs {
    #[command(subcommand)]
    pub(crate) command: DeadCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum DeadCommand {
    /// The groups: letters with the same cause
    Groups(JsonArgs),
    /// The newest letters
    List {
        /// Only the letters of this group
        #[arg(long, value_name = "FINGERPRINT")]
        group: Option<String>,
        /// How many letters, newest first
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// One letter with its headers and body
    Show {
        /// The letter's id, as `list` shows it
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Which batches, by their slots.
#[derive(Args, Debug, Default)]
#[group(skip)]
pub(crate) struct SpanArgs {
    /// Batches of slots from this instant or day on (2026-11-22T14:00:00Z or 2026-11-22, UTC)
    #[arg(long, value_name = "T", value_parser = crate::archive::instant)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Batches of slots before this instant or day
    #[arg(long, value_name = "T", value_parser = crate::archive::instant)]
    pub(crate) to: Option<DateTime<Utc>>,
    /// Batches of slots in this time until now, such as 24h or 7d
    #[arg(long, value_name = "TIME", value_parser = crate::archive::duration, conflicts_with_all = ["from", "to"])]
    pub(crate) last: Option<Duration>,
    /// One batch, by its id as `batches` shows it
    #[arg(long, value_name = "ID", conflicts_with_all = ["from", "to", "last"])]
    pub(crate) batch: Option<String>,
    /// Everything in the archive
    #[arg(long, conflicts_with_all = ["from", "to", "last", "batch"])]
    pub(crate) all: bool,
}

/// Pages go through the pipeline again as they were fetched, under the same ids: what is right already stays as
/// it is. With the queue in a file this command does the work; with RabbitMQ the running workers do.
#[derive(Args, Debug, Default)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["from", "to", "last", "batch", "all", "files"]))]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) span: SpanArgs,
    /// Not the archive but these files, folders or patterns ('dir/*.json*'): what `archive export` wrote, and
    /// recorded responses of the API, plain or compressed (gzip, zstd)
    #[arg(long, num_args = 1.., value_name = "FILE", conflicts_with = "all")]
    pub(crate) files: Vec<String>,
    /// Let the rules of this version replace what earlier versions made of the same pages
    #[arg(long)]
    pub(crate) rebuild: bool,
    /// List the batches and replay nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// At most so many pages a minute; without it, as fast as the workers go
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<NonZeroU32>,
    /// Go on where a replay that was stopped said it was
    #[arg(long, value_name = "POSITION")]
    pub(crate) after: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct ArchiveArgs {
    #[command(subcommand)]
    pub(crate) command: ArchiveCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ArchiveCommand {
    /// Write pages into files, one each, which `replay --files` reads
    Export(ExportArgs),
}

/// Each page becomes a file such as 2026-11-22T140000Z_listings_USD_p1.json.zst: the response as it was received,
/// compressed with zstd, with what belongs to it in a frame that decompressors skip.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["from", "to", "last", "batch", "all"]))]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) span: SpanArgs,
    /// The folder to write to; it is created
    pub(crate) folder: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    pub(crate) command: ImportCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ImportCommand {
    /// The MySQL table of a script that knew coins by their symbols
    Legacy(LegacyArgs),
}

/// Reads the table that `import.url` (`COINPIPE__IMPORT__URL`) leads to, looks each symbol up in the newest snapshot, and
/// loads the rows like a page that was fetched when they were written. A symbol that several coins share is reported,
/// and its rows are left out: the script may have written any of them.
#[derive(Args, Debug)]
pub(crate) struct LegacyArgs {
    /// The table: NAME, or DATABASE.NAME
    #[arg(long, value_name = "NAME")]
    pub(crate) table: String,
    /// What its columns hold, such as `coin=symbol price_usd=price`; columns that are named like a field need
    /// not be told, except id. The fields: id (CoinMarketCap's), symbol, name, slug, `last_updated`, and the numbers
    /// of `quotes_latest`
    #[arg(long, num_args = 1.., value_name = "COLUMN=FIELD", value_parser = crate::import::assignment)]
    pub(crate) map: Vec<(String, String)>,
    /// Which coin a symbol means, by CoinMarketCap's id, where it is shared or the name has changed
    #[arg(long, num_args = 1.., value_name = "SYMBOL=ID", value_parser = crate::import::assignment)]
    pub(crate) coin: Vec<(String, String)>,
    /// The currency of the amounts
    #[arg(long, default_value = "USD", value_name = "CODE")]
    pub(crate) currency: String,
    /// When the numbers were right, for rows without `last_updated`
    #[arg(long, value_name = "T", value_parser = crate::archive::instant)]
    pub(crate) as_of: Option<DateTime<Utc>>,
    /// Report what would be loaded, and load nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args, Debug)]
pub(crate) struct SimulateArgs {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:18080", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// How many coins the made-up market has
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub(crate) coins: u32,
    /// Serve these recorded responses instead, one after the other; the last one repeats
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub(crate) serve: Vec<PathBuf>,
    /// Accept only this API key (any non-empty key when not given)
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Vec<String>,
    /// Answer requests without a key, too: fetchers send none over plain HTTP to another machine
    #[arg(long, conflicts_with = "key")]
    pub(crate) no_key: bool,
    /// Requests per UTC minute
    #[arg(long, default_value_t = 30, value_name = "N")]
    pub(crate) rate_limit: u32,
    /// Credits per month
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    pub(crate) credits: u64,
    /// Misbehave: `status=500`, `error=1008`, `slow=2s`, `truncate`, `html`, …; `help` lists them all.
    /// FAULT:N does it for the next N requests only
    #[arg(long, value_name = "FAULT")]
    pub(crate) fault: Vec<String>,
}

/// For health checks where there is neither a shell nor curl. It waits 3 seconds for an answer; what is wrong is said on
/// stderr.
#[derive(Args, Debug)]
pub(crate) struct HealthArgs {
    /// What to ask: /livez or /readyz of a process, or another page served over plain HTTP. Without it: /readyz where
    /// `[http] listen` says
    pub(crate) url: Option<String>,
}
