//! What the URL of a queue or store says, without opening anything.

use std::path::{Path, PathBuf};

use config::{ConfigError, Loaded, SecretUrl};

/// A mistake in the URLs that can be seen without opening anything.
pub(crate) fn check_urls(loaded: &Loaded) -> Result<(), ConfigError> {
    let config = &loaded.config;
    let urls = [("queue", &config.queue.url), ("store", &config.store.url), ("import", &config.import.url)];
    for (section, url) in urls {
        let checked = match url.scheme().as_str() {
            "sqlite" => sqlite::file_of_url(url.expose()).map(drop).map_err(|error| error.to_string()),
            "amqp" | "amqps" => rabbitmq::check_url(url.expose()),
            "mysql" => mysql::check_url(url.expose()),
            _ => Ok(()),
        };
        checked.map_err(|reason| loaded.invalid(section, "url", reason))?;
    }
    Ok(())
}

/// The file behind a SQLite URL; `None` for a server.
pub fn file_of(url: &SecretUrl) -> Option<PathBuf> {
    sqlite::file_of_url(url.expose()).ok()
}

/// Where a URL's tables or messages are, for people: the whole path of a file, or the URL without its
/// password.
pub fn place(url: &SecretUrl) -> String {
    match file_of(url) {
        Some(path) => std::path::absolute(&path).as_deref().unwrap_or(Path::new(&path)).display().to_string(),
        None => url.to_string(),
    }
}
