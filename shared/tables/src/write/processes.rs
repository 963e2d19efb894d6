//! Writing processes.

use std::sync::LazyLock;

use domain::StageName;
use ports::ProcessRecord;

use super::{Parameter, insert};
use crate::columns::PROCESSES;

/// Inserts a process: [`values`].
pub static INSERT_PROCESS: LazyLock<String> = LazyLock::new(|| insert("processes", &PROCESSES));

/// The columns that a process says again and again.
pub fn told_again() -> &'static [&'static str] {
    &PROCESSES[6..]
}

/// For [`INSERT_PROCESS`].
pub fn values(process: &ProcessRecord) -> [Parameter<'_>; PROCESSES.len()] {
    let roles: Vec<_> = process.roles.iter().map(|role| role.as_str()).collect();
    let rates = process.rates.iter().map(|rate| (StageName::as_str(rate.stage), rate.messages, rate.rows));
    [
        process.id.as_str().into(),
        roles.join(",").into(),
        process.version.as_str().into(),
        process.host.as_str().into(),
        process.pid.into(),
        process.since.into(),
        process.seen_at.into(),
        Parameter::Instant(process.asked_at),
        Parameter::Instant(process.ended_at),
        serde_json::json!(rates.collect::<Vec<_>>()).to_string().into(),
    ]
}
