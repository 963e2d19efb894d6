//! Reading processes.

use domain::StageName;
use ports::{ProcessRecord, StageRate};

use crate::columns::PROCESSES;
use crate::row::{Row, Unreadable};

/// The newest processes that were seen since an instant, for [`process`]; binds the instant, and how many.
pub fn processes() -> String {
    let columns = PROCESSES.join(", ");
    format!("SELECT {columns} FROM processes WHERE seen_at >= ? ORDER BY since DESC, id DESC LIMIT ?")
}

/// A row of `processes`. Stages that this version does not know are left out.
pub fn process(row: &dyn Row) -> Result<ProcessRecord, Unreadable> {
    let rates: Vec<(String, u64, u64)> = row.json("rates")?.unwrap_or_default();
    let rate = |(stage, messages, rows): (String, u64, u64)| {
        Some(StageRate { stage: stage.parse().ok()?, messages, rows })
    };
    let roles = row.list("roles")?;
    Ok(ProcessRecord {
        id: row.get("id")?,
        roles: roles.iter().filter_map(|role| role.parse::<StageName>().ok()).collect(),
        version: row.get("version")?,
        host: row.get("host")?,
        pid: row.get("pid")?,
        since: row.get("since")?,
        seen_at: row.get("seen_at")?,
        asked_at: row.nullable("asked_at")?,
        ended_at: row.nullable("ended_at")?,
        rates: rates.into_iter().filter_map(rate).collect(),
    })
}
