//! Where values come from, and the mistakes in them: each names the key, the section and the layer.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The built-in defaults.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// A mistake in the configuration. Its text never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not valid TOML: {reason}")]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// What and where.
        reason: String,
    },
    /// A variable that is almost a setting.
    #[error(
        "environment variable {name} is no setting{}; between COINPIPE, section and key are two underscores each",
        meant.as_ref().map(|meant| format!("; is {meant} meant?")).unwrap_or_default()
    )]
    Misspelt {
        /// Its name.
        name: String,
        /// The setting that it seems to be.
        meant: Option<String>,
    },
    /// There is no such section.
    #[error("unknown section [{section}] in {layer}; the sections are {known}")]
    UnknownSection {
        /// What was written.
        section: String,
        /// Where.
        layer: Layer,
        /// What exists.
        known: String,
    },
    /// There is no such key in the section.
    #[error("unknown key {key} in section [{section}] in {layer}; its keys are {known}")]
    UnknownKey {
        /// The section.
        section: String,
        /// What was written.
        key: String,
        /// Where.
        layer: Layer,
        /// What exists.
        known: String,
    },
    /// The value makes no sense.
    #[error("{section}.{key} in {layer}: {reason}")]
    Invalid {
        /// The section.
        section: String,
        /// The key.
        key: String,
        /// Where the value came from.
        layer: Layer,
        /// What is wrong with it.
        reason: String,
    },
}
