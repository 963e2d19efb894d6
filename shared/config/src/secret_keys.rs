//! Which settings are secrets, the files they may be read from, and how they are shown.

use crate::secret::SecretUrl;

/// The keys that hold secrets. Each also takes a file, named by the same key with `_file`.
pub(crate) const SECRETS: [(&str, &str); 10] = [
    ("queue", "url"),
    ("store", "url"),
    ("import", "url"),
    ("fetch", "api_key"),
    ("alert", "webhook"),
    ("alert", "webhook_secret"),
    ("alert", "heartbeat_url"),
    ("mail", "url"),
    ("http", "token"),
    ("http", "operator_token"),
];

/// The key that names the file of `key`.
pub(crate) fn file_key(key: &str) -> String {
    format!("{key}_file")
}

/// The key that excludes `key`: a secret's file, or a file's secret.
pub(crate) fn partner(section: &str, key: &str) -> Option<String> {
    SECRETS.iter().filter(|(secret_section, _)| *secret_section == section).find_map(|(_, secret)| {
        if key == *secret {
            Some(file_key(secret))
        } else {
            (key.strip_suffix("_file") == Some(secret)).then(|| (*secret).to_owned())
        }
    })
}

/// The secret `text` without what is secret in it; `None` when nothing is.
pub(crate) fn redacted(key: &str, text: &str) -> Option<String> {
    if key != "url" {
        return (!text.is_empty()).then(|| "***".to_owned());
    }
    SecretUrl::new(text).redacted()
}

/// Whether `text` is what [`redacted`] made of a secret.
pub(crate) fn is_redacted(key: &str, text: &str) -> bool {
    let all = format!("{}:***", SecretUrl::new(text).scheme());
    redacted(key, text).is_some_and(|redacted| redacted == text && text.contains("***")) || text == all
}
