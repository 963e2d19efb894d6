//! `coinpipe dead groups`: letters with the same cause.

use clap::Args;
use desk::group_json;
use ports::store::{AlertGroup, GroupState};
use service::Process;

use crate::{adapters, numbers, output};

/// The groups: letters with the same cause
#[derive(Args, Debug)]
pub(super) struct GroupsArgs {
    /// Only groups in this state: open or resolved
    #[arg(long)]
    state: Option<GroupState>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(process: &Process, args: &GroupsArgs) -> anyhow::Result<()> {
    let Some(stores) = adapters::open_to_list(process, args.json).await? else { return Ok(()) };
    let groups = stores.letters.groups(args.state).await?;
    if args.json {
        let groups: Vec<_> = groups.iter().map(group_json).collect();
        return output::print(serde_json::to_string_pretty(&groups)?);
    }
    show(&groups)
}

fn show(groups: &[AlertGroup]) -> anyhow::Result<()> {
    if groups.is_empty() {
        output::say("no dead letters");
        return Ok(());
    }
    let rows = groups.iter().map(|group| {
        vec![
            group.fingerprint.clone(),
            group.state.to_string(),
            group.stage.map_or("–", domain::StageName::as_str).to_owned(),
            format!("{}/{}", group.class, domain::one_line(&group.code, 40)),
            numbers::count(group.total),
            domain::timestamp::to_text(group.last_seen_at),
            domain::one_line(&group.reason, 80),
        ]
    });
    output::print(output::table(
        &["group", "state", "stage", "cause", "letters", "last seen", "reason"],
        &[4],
        rows,
    ))
}
