//! `coinpipe alerts`: what is open, silenced or resolved; keeping mails about it away for a time, and calling it resolved.

mod change;
mod list;

use clap::{Args, Subcommand};
use service::Process;

pub(crate) use change::ChangeArgs;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct AlertsArgs {
    #[command(flatten)]
    list: list::ListArgs,
    #[command(subcommand)]
    command: Option<AlertsCommand>,
}

#[derive(Subcommand, Debug)]
enum AlertsCommand {
    /// Keep mails about a group away for a time; its letters are filed all the same
    Silence(change::SilenceArgs),
    /// End a silence before its time
    Unsilence(change::UnsilenceArgs),
    /// Call a group resolved; the next letter of the same cause opens it again
    Resolve(change::ResolveArgs),
}

/// What of it was asked for.
pub(crate) enum Asked {
    /// To look.
    List(list::ListArgs),
    /// To change something.
    Change(ChangeArgs),
}

impl AlertsArgs {
    pub(crate) fn into_asked(self) -> Asked {
        match self.command {
            None => Asked::List(self.list),
            Some(AlertsCommand::Silence(args)) => Asked::Change(ChangeArgs::Silence(args)),
            Some(AlertsCommand::Unsilence(args)) => Asked::Change(ChangeArgs::Unsilence(args)),
            Some(AlertsCommand::Resolve(args)) => Asked::Change(ChangeArgs::Resolve(args)),
        }
    }
}

/// Shows the groups.
pub(crate) async fn list(process: &Process, args: &list::ListArgs) -> anyhow::Result<()> {
    list::run(process, args).await
}

/// Changes one.
pub(crate) async fn change(process: &Process, args: &ChangeArgs) -> anyhow::Result<()> {
    change::run(process, args).await
}
