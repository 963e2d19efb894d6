//! Typed configuration: the built-in `default.toml`, then a file, then the environment.

mod secret;
mod sections;
mod values;

pub use secret::{Secret, SecretUrl};
pub use sections::{
    ApiVersion, Archive, Config, Fetch, Http, Load, Log, LogFormat, Mail, Queue, Retry, Shutdown, Store,
    Transform,
};
