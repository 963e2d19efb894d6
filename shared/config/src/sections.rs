//! The typed sections. `default.toml` explains each key.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::http::Http;
use crate::judge::{Judge, Limit};
use crate::market::Market;
use crate::offset::Offset;
use crate::quiet_hours::{QuietHours, quiet_hours};
use crate::restarts::Restarts;
use crate::secret::{Secret, SecretUrl};
use crate::stale_after::StaleAfter;
use crate::values::{
    byte_size, byte_size_or_off, comma_list, duration, duration_or_off, durations, id_list, or_off,
    secret_or_off, upper_case_list,
};

/// All settings of all processes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The queue.
    pub queue: Queue,
    /// The archive of raw pages.
    pub archive: Archive,
    /// The store.
    pub store: Store,
    /// Where older tables are imported from.
    pub import: Import,
    /// The fetcher.
    pub fetch: Fetch,
    /// What is fetched beside the listings.
    pub market: Market,
    /// When a snapshot is not what it claims to be.
    pub judge: Judge,
    /// The transformer.
    pub transform: Transform,
    /// The loader.
    pub load: Load,
    /// How long quotes are kept.
    pub history: History,
    /// Retries of messages.
    pub retry: Retry,
    /// What the alerter watches.
    pub alert: Alert,
    /// How long letters are kept, and when one that was sent again is believed.
    pub desk: Desk,
    /// The alerter's mails.
    pub mail: Mail,
    /// Health, metrics and the site.
    pub http: Http,
    /// Logs.
    pub log: Log,
    /// Traces.
    pub telemetry: Telemetry,
    /// Stopping.
    pub shutdown: Shutdown,
}

impl Config {
    /// The built-in defaults, as `default.toml` says.
    pub fn defaults() -> Self {
        toml::from_str(crate::DEFAULT_TOML).expect("default.toml is valid; a test reads it")
    }
}

/// `[queue]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Where messages wait.
    pub url: SecretUrl,
    /// Read `url` from this file.
    pub url_file: PathBuf,
    /// Silence after which a worker's messages go to another.
    #[serde(deserialize_with = "duration")]
    pub lease: Duration,
    /// Deliveries before a message counts as deadly.
    pub delivery_limit: u32,
    /// RabbitMQ: the first part of every name.
    pub prefix: String,
    /// RabbitMQ: certificates to trust beside the system's; empty for none.
    pub ca_file: PathBuf,
    /// RabbitMQ: size in bytes at which a work queue is full.
    #[serde(deserialize_with = "byte_size")]
    pub max_size: u64,
}

/// `[archive]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Age at which a page is dropped.
    #[serde(deserialize_with = "duration")]
    pub keep: Duration,
    /// Size in bytes at which the oldest pages are dropped.
    #[serde(deserialize_with = "byte_size")]
    pub max_size: u64,
}

/// `[store]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Where the tables are.
    pub url: SecretUrl,
    /// Read `url` from this file.
    pub url_file: PathBuf,
    /// MySQL: connections of one process.
    pub connections: u32,
    /// MySQL: the longest time for one statement.
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
}

/// `[import]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// The database with the table; empty for the store's.
    pub url: SecretUrl,
    /// Read `url` from this file.
    pub url_file: PathBuf,
}

/// Which listings endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApiVersion {
    /// `/v1/cryptocurrency/listings/latest`
    V1,
    /// `/v3/cryptocurrency/listings/latest`
    V3,
}

/// Where quotes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// `base_url` when set, the real API when there is a key, else the built-in simulator.
    Auto,
    /// The routes that the real API, or `base_url`, answers without a key.
    Keyless,
}

/// How several currencies are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConvertCalls {
    /// All in one request.
    One,
    /// One request for each.
    Each,
    /// In one until the API says that the plan does not allow it.
    Auto,
}

/// What to do about a schedule that costs more credits than the key's plan has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OverBudget {
    /// Fetch nothing.
    Refuse,
    /// Tell somebody, and fetch as long as a whole snapshot can be paid for.
    Warn,
    /// Fetch until the API refuses.
    Allow,
}

/// Which slots that nobody fetched are filled from the API's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CatchUp {
    /// None.
    None,
    /// The newest.
    Last,
    /// All, as far back as a month.
    All,
}

/// `[fetch]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// Where quotes come from.
    pub source: Source,
    /// API key; empty when there is none.
    pub api_key: Secret,
    /// Read `api_key` from this file.
    pub api_key_file: PathBuf,
    /// Base URL without a trailing slash; empty for the default.
    pub base_url: String,
    /// Which endpoint.
    pub api_version: ApiVersion,
    /// Interval between slots; whole seconds, at least 60.
    #[serde(deserialize_with = "duration")]
    pub every: Duration,
    /// Time from the beginning of a slot to its fetch; shorter than `every`.
    pub offset: Offset,
    /// Coins in a snapshot, at least 1.
    pub limit: u32,
    /// Coins in a request, 1 to 5000.
    pub page_size: u32,
    /// Ids of the coins to fetch, each once; empty for the best ranked.
    #[serde(deserialize_with = "id_list")]
    pub ids: Vec<u32>,
    /// Currencies, at least one, in upper case.
    #[serde(deserialize_with = "upper_case_list")]
    pub convert: Vec<String>,
    /// How they are asked for when there are several.
    pub convert_calls: ConvertCalls,
    /// What to do when the credits do not suffice.
    pub over_budget: OverBudget,
    /// Which missed slots are filled.
    pub catch_up: CatchUp,
    /// Longest wait for a whole request.
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
    /// Longest wait for a connection.
    #[serde(deserialize_with = "duration")]
    pub connect_timeout: Duration,
    /// Directory for pages that are not safe in the queue yet.
    pub spool: PathBuf,
}

/// `[transform]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transform {
    /// Pages at once.
    pub concurrency: u16,
    /// Longest time for one page.
    #[serde(deserialize_with = "duration")]
    pub deadline: Duration,
    /// Coins in a chunk, at least 1.
    pub chunk_coins: u32,
}

/// `[load]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Chunks at once.
    pub concurrency: u16,
    /// Longest time for one chunk.
    #[serde(deserialize_with = "duration")]
    pub deadline: Duration,
}

/// `[history]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Age at which a quote leaves the history; zero: never.
    #[serde(deserialize_with = "duration_or_off")]
    pub keep: Duration,
}

/// `[retry]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Waits before the second, third, … attempt; the last one repeats. Never empty.
    #[serde(deserialize_with = "durations")]
    pub delays: Vec<Duration>,
    /// Attempts before the dead letters, at least 1.
    pub attempts: u32,
}

/// `[alert]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// Silence after which an incomplete batch is a letter.
    #[serde(deserialize_with = "duration")]
    pub incomplete_after: Duration,
    /// Age of the newest quote at which somebody is told.
    pub stale_after: StaleAfter,
    /// URL that is called for each mail; empty or off: none. Its path may be a secret.
    pub webhook: Secret,
    /// Read `webhook` from this file.
    pub webhook_file: PathBuf,
    /// What its messages are signed with; empty: they are not.
    #[serde(deserialize_with = "secret_or_off")]
    pub webhook_secret: Secret,
    /// Read `webhook_secret` from this file.
    pub webhook_secret_file: PathBuf,
    /// URL that is called after each complete snapshot; empty or off: none.
    pub heartbeat_url: Secret,
    /// Read `heartbeat_url` from this file.
    pub heartbeat_url_file: PathBuf,
    /// How long nothing may leave a queue in which messages wait; zero: for ever.
    #[serde(deserialize_with = "duration_or_off")]
    pub stuck_after: Duration,
    /// How often a process may start again unasked.
    pub restarts: Restarts,
    /// Coins of a snapshot that may be rejected.
    pub rejected: Limit,
    /// Free bytes on a disk below which somebody is told; zero: never.
    #[serde(deserialize_with = "byte_size_or_off")]
    pub disk_free: u64,
    /// How long nothing may die in a group before it is taken as resolved; zero: for ever.
    #[serde(deserialize_with = "duration_or_off")]
    pub resolve_after: Duration,
    /// When nobody is mailed.
    #[serde(deserialize_with = "quiet_hours")]
    pub quiet_hours: Option<QuietHours>,
    /// How often a mail says how all was.
    pub summary: Summary,
    /// Credits of the plan in a month; zero: not known.
    pub plan_credits: u64,
}

impl Alert {
    /// The URL of the webhook, unless it is off.
    pub fn webhook(&self) -> Option<&Secret> {
        is_on(&self.webhook).then_some(&self.webhook)
    }

    /// The URL of the heartbeat, unless it is off.
    pub fn heartbeat(&self) -> Option<&Secret> {
        is_on(&self.heartbeat_url).then_some(&self.heartbeat_url)
    }
}

fn is_on(url: &Secret) -> bool {
    !url.is_empty() && url.expose() != crate::values::OFF
}

/// How often a mail sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Summary {
    /// After each week, which begins on a Monday.
    Weekly,
    /// After each day.
    Daily,
    /// Never.
    Off,
}

/// `[desk]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desk {
    /// Age at which settled letters, resolved groups, mails and actions are deleted; zero: never.
    #[serde(deserialize_with = "duration_or_off")]
    pub keep: Duration,
    /// Quiet time after which a letter that was sent again counts as clean, where the ledger cannot prove it.
    #[serde(deserialize_with = "duration")]
    pub clean_after: Duration,
}

/// `[mail]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Transport; empty, or [off](Self::is_off), when nothing is mailed.
    pub url: SecretUrl,
    /// Read `url` from this file.
    pub url_file: PathBuf,
    /// Sender.
    pub from: String,
    /// Recipients.
    #[serde(deserialize_with = "comma_list")]
    pub to: Vec<String>,
    /// Longest time for one mail.
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
    /// Gathering time before the first mail of a group.
    #[serde(deserialize_with = "duration")]
    pub group_wait: Duration,
    /// Interval of digests.
    #[serde(deserialize_with = "duration")]
    pub digest_every: Duration,
    /// Quiet time of a mailed group.
    #[serde(deserialize_with = "duration")]
    pub repeat_after: Duration,
    /// Cap per hour.
    pub max_per_hour: u32,
    /// Cap per day.
    pub max_per_day: u32,
}

impl Mail {
    /// Whether somebody said that nothing is to be mailed, whatever the other settings are.
    pub fn is_off(&self) -> bool {
        self.url.expose() == crate::values::OFF
    }
}

/// Form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Level, or levels by target.
    pub level: String,
    /// Form.
    pub format: LogFormat,
}

/// `[telemetry]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// Base URL of a collector; empty for none.
    #[serde(deserialize_with = "or_off")]
    pub otlp_url: String,
}

/// `[shutdown]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shutdown {
    /// Longest time to finish the messages in flight.
    #[serde(deserialize_with = "duration")]
    pub drain: Duration,
}
