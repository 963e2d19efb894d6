//! `coinpipe dead resolve` and `coinpipe dead drop`: letters that nobody has to look after any more.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use desk::{Settled, Verb};
use serde_json::json;
use service::Process;

use super::acting::{ActArgs, checked_why, letters, open_stores, require_all};
use super::which::WhichArgs;

/// Say that nothing is to be done about letters: they are resolved, and so are groups without any other
#[derive(Args, Debug)]
pub(super) struct ResolveArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "by hand", value_parser = NonEmptyStringValueParser::new())]
    why: String,
    #[command(flatten)]
    act: ActArgs,
}

/// Give letters up. They are kept, and can be sent again, until they are purged
#[derive(Args, Debug)]
pub(super) struct DropArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    why: String,
    #[command(flatten)]
    act: ActArgs,
}

pub(super) async fn resolve(process: &Process, args: &ResolveArgs) -> anyhow::Result<()> {
    settle(process, &args.which, &args.act, Verb::Resolve, &args.why).await
}

pub(super) async fn drop(process: &Process, args: &DropArgs) -> anyhow::Result<()> {
    settle(process, &args.which, &args.act, Verb::Drop, &args.why).await
}

async fn settle(
    process: &Process,
    which: &WhichArgs,
    args: &ActArgs,
    verb: Verb,
    why: &str,
) -> anyhow::Result<()> {
    which.require_some()?;
    let (why, stop) = (checked_why(why)?, process.shutdown.soft());
    let stores = process.unless_stopped(open_stores(process, args.dry_run)).await?;
    let filter = which.filter(&stores, process.clock.now()).await?;
    let Some(mut acting) = args.plan(process, &stores, filter, verb).await? else { return Ok(()) };
    args.begin(process, &stores, &acting).await?;
    let settled = desk::settle(&stores, &mut acting, why, &stop).await?;
    let Settled { done, groups, is_stopped, .. } = settled;
    let mut told = format!("{} {}", verb.past(), letters(done));
    if groups > 0 {
        told.extend([", ", &crate::numbers::counted(groups, "group"), " resolved"]);
    }
    for kept in settled.passed_over() {
        told.extend(["; ", &kept]);
    }
    let left = acting.matched().saturating_sub(done);
    if is_stopped && left > 0 {
        told.extend(["; stopped, ", &letters(left), " left"]);
    }
    let fields = json!({
        "done": done, "groups_resolved": groups, "outcome": if is_stopped { "stopped" } else { "done" },
        "died_again": settled.died_again.letters, "settled_meanwhile": settled.settled_before.letters,
        "purged_meanwhile": settled.gone.letters,
    });
    args.tell(&acting, fields, &told)?;
    require_all(&acting, done, is_stopped)
}
