//! Typed configuration: the built-in `default.toml`, then a file, then the environment.

mod check;
mod defaults;
mod environment;
mod error;
mod file;
mod http;
mod judge;
mod load;
mod market;
mod offset;
mod pasted;
mod quiet_hours;
mod restarts;
mod secret;
mod secret_keys;
mod sections;
mod shallow;
mod stale_after;
mod values;

pub use environment::is_setting;
pub use error::{ConfigError, Layer};
pub use http::Http;
pub use judge::{Judge, Limit};
pub use load::{Loaded, Setting, load};
pub use market::{Every, Market};
pub use offset::Offset;
pub use quiet_hours::QuietHours;
pub use restarts::Restarts;
pub use secret::{Secret, SecretUrl};
pub use sections::{
    Alert, ApiVersion, Archive, CatchUp, Config, ConvertCalls, Fetch, History, Load, Log, LogFormat, Mail,
    OverBudget, Queue, Retry, Shutdown, Source, Store, Summary, Transform,
};
pub use stale_after::StaleAfter;

/// The built-in `default.toml`: the reference of all settings.
pub const DEFAULT_TOML: &str = include_str!("default.toml");

#[cfg(test)]
mod tests {
    #[test]
    fn the_defaults_are_valid() {
        let config = super::Config::defaults();
        assert_eq!(config.fetch.convert, ["USD"]);
        assert_eq!(config.archive.max_size, 1 << 30);
    }
}
