//! `coinpipe dead log`: who did what at the desk.

use clap::Args;
use domain::timestamp;
use ports::store::LoggedAction;
use service::Process;

use crate::{adapters, numbers, output};

/// The record: who did what about which letters
#[derive(Args, Debug)]
pub(super) struct LogArgs {
    /// How many actions, newest first
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(process: &Process, args: &LogArgs) -> anyhow::Result<()> {
    let Some(stores) = adapters::open_to_list(process, args.json).await? else { return Ok(()) };
    let actions = stores.desk.actions(args.limit).await?;
    if args.json {
        let actions: Vec<_> = actions.iter().map(desk::action_json).collect();
        return output::print(serde_json::to_string_pretty(&actions)?);
    }
    if actions.is_empty() {
        output::say("nobody did anything about dead letters yet");
        return Ok(());
    }
    let rows = actions.iter().map(|logged| {
        let LoggedAction { at, action, done, outcome } = logged;
        vec![
            timestamp::to_text(*at),
            domain::one_line(&action.who, 60),
            action.verb.clone(),
            domain::one_line(&action.filter, 200),
            format!("{} of {}", numbers::count(*done), numbers::count(action.matched)),
            domain::one_line(outcome.as_deref().unwrap_or("goes on, or was killed"), 200),
        ]
    });
    output::print(output::table(&["at", "who", "verb", "letters", "done", "outcome"], &[], rows))
}
