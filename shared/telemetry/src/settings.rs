//! What to log and trace, and what can be wrong with that.

/// What to tell, and to whom.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// What is logged: a level, or levels by target (`info,fetcher=debug`).
    pub levels: &'a str,
    /// How log lines look.
    pub format: Format,
    /// The base URL of the collector of traces; empty for none.
    pub collector: &'a str,
    /// The process, as traces name it.
    pub process: &'a str,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
    /// Text on a terminal, else JSON.
    Auto,
}

/// A setting that makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum BadSetting {
    /// [`Settings::levels`].
    #[error("log.level {levels:?} is not a level: {reason}")]
    Levels {
        /// What it was.
        levels: String,
        /// What is wrong with it.
        reason: String,
    },
    /// [`Settings::collector`].
    #[error("{0}")]
    Collector(String),
}
