//! Stages of coinpipe alone, on a stopwatch. `cargo xtask bench` runs it, with queue and store in its environment as for
//! any other program, and reads the lines that it prints.

mod browse;
mod chunks;
mod clean;
mod count;
mod live;
mod load;
mod page_file;
mod pages;
mod prune;
mod queue;
mod said;
mod stopwatch;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use service::{CommonArgs, LogDefault, Process};

#[derive(Parser)]
#[command(about = "Stages of coinpipe alone, on a stopwatch")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write pages of a made-up market into files, as `coinpipe archive export` does
    Pages(pages::PagesArgs),
    /// Parse and clean pages
    Clean(Files),
    /// Encode and decode the chunks of pages
    Wire(Files),
    /// Publish the chunks of pages, then consume them
    Queue(Files),
    /// Load the chunks of pages into the store
    Load {
        /// Chunks in one call
        #[arg(long, default_value_t = 1)]
        together: usize,
        #[command(flatten)]
        files: Files,
    },
    /// Fetch snapshots from a simulator and see when each is in the tables; workers have to run
    Live {
        /// How many
        snapshots: u32,
    },
    /// Look at the quotes, as the site does; `many_quotes.py` fills a store
    Browse {
        /// How often to ask for each view
        #[arg(default_value_t = 200)]
        rounds: u32,
    },
    /// Delete quotes from the history, oldest first
    Prune {
        /// Steps of 1,000 rows
        steps: u32,
    },
    /// Do one thing so many times, for a tool that counts instructions
    Count(count::CountArgs),
}

/// Which pages.
#[derive(clap::Args)]
struct Files {
    /// Files that `pages` wrote
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Pages(args) => run(async |_| pages::run(&args).await),
        Command::Clean(of) => run(async |_| clean::run(&of.files)),
        Command::Wire(of) => run(async |_| wire::run(&of.files).await),
        Command::Queue(of) => run(async |process| queue::run(process, &of.files).await),
        Command::Load { together, files } => {
            run(async |process| load::run(process, &files.files, together).await)
        }
        Command::Live { snapshots } => run(async |process| live::run(process, snapshots).await),
        Command::Browse { rounds } => run(async |process| browse::run(process, rounds).await),
        Command::Prune { steps } => run(async |process| prune::run(process, steps).await),
        Command::Count(args) => count::run(&args),
    }
}

fn run(body: impl AsyncFnOnce(&Process) -> anyhow::Result<()>) -> ExitCode {
    service::run(&CommonArgs::default(), &[], LogDefault::Quiet, body)
}
