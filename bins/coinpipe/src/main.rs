//! coinpipe: all stages in one process, and the operator's commands.

mod action;
mod adapters;
mod archived;
mod arguments;
mod batch_state;
mod cli;
mod coin_names;
mod commands;
mod confirm;
mod data_kind;
mod ledger_pages;
mod numbers;
mod opening;
mod output;
mod page_files;
mod part;
mod selection;
mod trial;
mod values;
mod when;
mod zone;

use std::process::ExitCode;

use domain::StageName;
use service::{CommonArgs, LogDefault, Process};

use cli::{Cli, Command};
use commands::batches::BatchesCommand;
use commands::{
    alerts, archive, backfill, batches, check, config, dead, export, gaps, health, import, migrate, once,
    price, replay, run, simulate, status, top, verify,
};

/// Runs a command that has nothing to finish when it is asked to stop: it ends at once, whatever it waits for.
fn ask(common: &CommonArgs, body: impl AsyncFnOnce(&Process) -> anyhow::Result<()>) -> ExitCode {
    let body = async |process: &Process| process.unless_stopped(body(process)).await;
    service::run(common, &[], LogDefault::Quiet, body)
}

fn main() -> ExitCode {
    let (common, command) = Cli::from_args();
    let common = &common;
    let quiet = LogDefault::Quiet;
    match command {
        Command::Run(args) if args.is_once() => service::run(common, &[], LogDefault::Told, once::run),
        Command::Run(_) => service::run(common, &StageName::ALL, LogDefault::Configured, run::run),
        Command::Check => ask(common, check::run),
        Command::Status(args) => ask(common, async |process| status::run(process, &args).await),
        Command::Top(args) => {
            service::run(common, &[], quiet, async |process| top::run(process, &args).await)
        }
        Command::Batches(args) => match args.into_command() {
            BatchesCommand::List(args) => ask(common, async |process| batches::run(process, &args).await),
            BatchesCommand::Drop(args) => {
                service::run(common, &[], quiet, async |process| batches::drop::run(process, &args).await)
            }
        },
        Command::Price(args) => ask(common, async |process| price::run(process, &args).await),
        Command::Export(args) => {
            service::run(common, &[], quiet, async |process| export::run(process, &args).await)
        }
        Command::Gaps(args) => ask(common, async |process| gaps::run(process, &args).await),
        Command::Alerts(args) => match args.into_asked() {
            alerts::Asked::List(args) => ask(common, async |process| alerts::list(process, &args).await),
            alerts::Asked::Change(args) => ask(common, async |process| alerts::change(process, &args).await),
        },
        Command::Dead(args) if args.only_looks() => {
            ask(common, async |process| dead::run(process, &args).await)
        }
        Command::Dead(args) => {
            service::run(common, &[], quiet, async |process| dead::run(process, &args).await)
        }
        Command::Replay(args) => {
            service::run(common, &[], quiet, async |process| replay::run(process, &args).await)
        }
        Command::Verify(args) => {
            service::run(common, &[], quiet, async |process| verify::run(process, &args).await)
        }
        Command::Backfill(args) => {
            service::run(common, &[], quiet, async |process| backfill::run(process, &args).await)
        }
        Command::Archive(args) => {
            service::run(common, &[], quiet, async |process| archive::run(process, &args).await)
        }
        Command::Import(args) => {
            service::run(common, &[], quiet, async |process| import::run(process, &args).await)
        }
        Command::Config => ask(common, config::run),
        Command::Migrate => ask(common, migrate::run),
        Command::Simulate(args) => service::run(common, &[], LogDefault::Configured, async |process| {
            simulate::run(process, &args).await
        }),
        Command::Health(args) => ask(common, async |process| health::run(process, &args).await),
    }
}
