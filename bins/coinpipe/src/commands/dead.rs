//! `coinpipe dead`: the dead letters, and what operators do about them.

mod acting;
mod edit;
mod editor;
mod export;
mod groups;
mod list;
mod log;
mod purge;
mod replay;
mod settle;
mod show;
mod which;

use clap::{Args, Subcommand};
use service::Process;

#[derive(Args, Debug)]
pub(crate) struct DeadArgs {
    #[command(subcommand)]
    command: DeadCommand,
}

#[derive(Subcommand, Debug)]
enum DeadCommand {
    Groups(groups::GroupsArgs),
    List(list::ListArgs),
    Show(show::ShowArgs),
    Export(export::ExportArgs),
    Replay(replay::ReplayArgs),
    Edit(edit::EditArgs),
    Resolve(settle::ResolveArgs),
    Drop(settle::DropArgs),
    Purge(purge::PurgeArgs),
    Log(log::LogArgs),
}

impl DeadArgs {
    /// Whether it has nothing to finish when it is asked to stop.
    pub(crate) fn only_looks(&self) -> bool {
        use DeadCommand::{Export, Groups, List, Log, Show};
        matches!(self.command, Groups(_) | List(_) | Show(_) | Export(_) | Log(_))
    }
}

pub(crate) async fn run(process: &Process, args: &DeadArgs) -> anyhow::Result<()> {
    match &args.command {
        DeadCommand::Groups(args) => groups::run(process, args).await,
        DeadCommand::List(args) => list::run(process, args).await,
        DeadCommand::Show(args) => show::run(process, args).await,
        DeadCommand::Export(args) => export::run(process, args).await,
        DeadCommand::Replay(args) => Box::pin(replay::run(process, args)).await,
        DeadCommand::Edit(args) => edit::run(process, args).await,
        DeadCommand::Resolve(args) => settle::resolve(process, args).await,
        DeadCommand::Drop(args) => settle::drop(process, args).await,
        DeadCommand::Purge(args) => purge::run(process, args).await,
        DeadCommand::Log(args) => log::run(process, args).await,
    }
}
