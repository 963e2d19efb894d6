//! `coinpipe dead resolve` and `coinpipe dead drop`: letters that nobody has to look after any more.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use ports::store::DeskLetter;
use serde_json::json;
use service::Process;

use super::acting::{ActArgs, Acting, checked_why, letters, open_stores};
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
    settle(process, &args.which, &args.act, "resolve", &args.why).await
}

pub(super) async fn drop(process: &Process, args: &DropArgs) -> anyhow::Result<()> {
    settle(process, &args.which, &args.act, "drop", &args.why).await
}

async fn settle(
    process: &Process,
    which: &WhichArgs,
    args: &ActArgs,
    verb: &str,
    why: &str,
) -> anyhow::Result<()> {
    which.require_some()?;
    let (why, stop) = (checked_why(why)?, process.shutdown.soft());
    let stores = process.unless_stopped(open_stores(process, args.dry_run)).await?;
    let filter = which.filter(&stores, process.clock.now()).await?;
    let Some(mut acting) = Acting::plan(process, &stores, filter, args, verb).await? else { return Ok(()) };
    acting.begin(&stores).await?;
    let mut done = 0;
    let mut page = acting.next(&stores).await?;
    while !page.is_empty() && !stop.is_cancelled() {
        let keys: Vec<_> = page.iter().map(DeskLetter::key).collect();
        done += stores.desk.settle(&keys, verb == "drop", why).await?;
        stores.desk.note(acting.id(), done, None).await?;
        page = acting.next(&stores).await?;
    }
    let groups = alerter::close_settled_groups(&*stores.letters, &*stores.desk).await?;
    let outcome = if stop.is_cancelled() { "stopped" } else { "done" };
    acting.end(&stores, done, &format!("{outcome}: {why}")).await?;
    let past = if verb == "drop" { "Dropped" } else { "Resolved" };
    let rest = acting.matched().saturating_sub(done);
    let rest = match rest {
        0 => String::new(),
        _ if stop.is_cancelled() => format!("; stopped, {} left", letters(rest)),
        _ => format!("; {} died again meanwhile, or were settled", letters(rest)),
    };
    let groups_text = if groups > 0 {
        format!(", {} resolved", crate::numbers::counted(groups, "group"))
    } else {
        String::new()
    };
    acting.tell(
        json!({ "done": done, "groups_resolved": groups, "outcome": outcome }),
        &format!("{past} {}{groups_text}{rest}", letters(done)),
    )?;
    acting.require_all(done, stop.is_cancelled())
}
