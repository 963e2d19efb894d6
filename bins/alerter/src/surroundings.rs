//! What a mail says beside the trouble that it is about: what is not in the database, and how everything else is.

mod about;
mod holes;
mod sample;
mod survey;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::Slot;
use ports::store::Freshness;
use ports::{Depth, QueueName};

pub(crate) use about::About;
pub(crate) use holes::{Hole, What};
pub(crate) use sample::{SHORT_REASON_CHARS, Sample, Samples};
pub(crate) use survey::Survey;

/// What was found at one time, a little before the mail is planned. What could not be read is absent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    /// What is in the tables, and what is not.
    pub(crate) database: Option<Database>,
    /// How fresh the quotes are.
    pub(crate) freshness: Option<Freshness>,
    /// What waits in the queues; empty when it is not known.
    pub(crate) queues: Vec<(QueueName, Depth)>,
    /// How many groups are open, those of the mail included.
    pub(crate) open_groups: Option<u64>,
    /// Where people reach the site, without a slash at its end; `None` when nobody said.
    pub(crate) site: Option<String>,
    /// Letters of groups that the mail may be about.
    pub(crate) samples: BTreeMap<String, Samples>,
    /// How many letters the deaths are of that a mail tells of, where these are fewer: a letter may die again and again.
    pub(crate) letters: BTreeMap<String, u64>,
}

/// What came into the tables since some time.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    /// Since when this was looked at.
    pub(crate) since: DateTime<Utc>,
    /// Snapshots that were due, those that may still come included; `None` when no schedule is known.
    pub(crate) due: Option<u64>,
    /// Snapshots that are there, or in part.
    pub(crate) fetched: u64,
    /// What is not there, newest first.
    pub(crate) holes: Vec<Hole>,
    /// The newest snapshot that is whole, and its coins.
    pub(crate) last_whole: Option<(Slot, u64)>,
    /// What was paid in that time, whatever time it is about.
    pub(crate) credits: u64,
}
