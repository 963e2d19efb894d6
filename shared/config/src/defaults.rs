//! The built-in `default.toml` as a table.

use toml::Table;

use crate::DEFAULT_TOML;

/// The built-in defaults as a table.
pub(crate) fn defaults() -> Table {
    DEFAULT_TOML.parse().expect("default.toml is valid; a test reads it")
}
