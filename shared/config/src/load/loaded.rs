//! The configuration as it was loaded: each value with where it came from, for people and as a file, without secrets.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write;

use toml::{Table, Value};

use crate::defaults::defaults;
use crate::error::{ConfigError, Layer};
use crate::secret_keys::{SECRETS, file_key, redacted};
use crate::sections::Config;

/// The comment above the settings when they are shown as a file.
const HEAD: &str = "\
# Every setting, and where its value came from. As a file, given with --config, these lines mean the same but for
# secrets, of which only *** is shown: write them in, or set them in the environment. Where neither is done the
# program ends and names the setting. Secrets from files are read from there again.
";

/// One line of `coinpipe config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// `section.key`.
    pub name: String,
    /// The value as TOML, secrets redacted.
    pub shown: String,
    /// Where it came from.
    pub layer: Layer,
    /// Whether it was read from the file that the same setting with `_file` names.
    pub is_from_file: bool,
}

/// The configuration and where each value came from. Its `Debug` shows no secret.
#[derive(Clone)]
pub struct Loaded {
    /// The typed settings.
    pub config: Config,
    /// What is no mistake but worth a warning: one sentence each, without secrets.
    pub warnings: Vec<String>,
    pub(crate) table: Table,
    pub(crate) layers: BTreeMap<(String, String), Layer>,
}

impl Loaded {
    /// Every setting with its layer, in the order of the sections' names.
    pub fn settings(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        for (section, keys) in &self.table {
            for (key, value) in keys.as_table().into_iter().flatten() {
                let file = keys.get(file_key(key)).and_then(Value::as_str);
                settings.push(Setting {
                    name: format!("{section}.{key}"),
                    shown: shown(section, key, value),
                    layer: self.layer(section, key),
                    is_from_file: file.is_some_and(|file| !file.is_empty()),
                });
            }
        }
        settings
    }

    /// All settings as a file that means the same, each with its layer in a comment. Secrets are redacted: what the
    /// file holds instead is refused when it is read, unless a later layer sets the secret.
    pub fn to_toml(&self) -> String {
        let lines = self.settings().into_iter().map(|setting| {
            // The setting that names the file says it all; both in one file would be a mistake.
            let mark = if setting.is_from_file { "# " } else { "" };
            (format!("{mark}{} = {}", setting.name, setting.shown), setting.layer.to_string())
        });
        let lines: Vec<_> = lines.collect();
        let width = lines.iter().map(|(line, _)| line.len()).max().unwrap_or(0).min(60);
        let mut text = HEAD.to_owned();
        for (line, layer) in lines {
            // The name of a file may hold anything, and a line break would end the comment.
            let layer = layer.replace(char::is_control, "?");
            let _ = writeln!(text, "{line:width$}  # {layer}");
        }
        text
    }

    /// Where `section.key` came from.
    pub fn layer(&self, section: &str, key: &str) -> Layer {
        self.layers.get(&(section.to_owned(), key.to_owned())).cloned().unwrap_or(Layer::Default)
    }

    /// Whether the user chose the value of `section.key`. A file that repeats a default is no choice, because it may
    /// be a copy of `default.toml`; a variable always is one.
    pub fn is_chosen(&self, section: &str, key: &str) -> bool {
        match self.layer(section, key) {
            Layer::Default => false,
            Layer::Env(_) => true,
            Layer::File(_) => {
                let value = |table: &Table| table.get(section).and_then(|keys| keys.get(key)).cloned();
                value(&self.table) != value(&defaults())
            }
        }
    }

    /// An error about the value of `section.key` that only its user could find.
    pub fn invalid(&self, section: &str, key: &str, reason: impl Into<String>) -> ConfigError {
        ConfigError::Invalid {
            section: section.to_owned(),
            key: key.to_owned(),
            layer: self.layer(section, key),
            reason: reason.into(),
        }
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings =
            self.settings().into_iter().map(|Setting { name, shown, layer, .. }| (name, (shown, layer)));
        f.debug_map().entries(settings).finish()
    }
}

fn shown(section: &str, key: &str, value: &Value) -> String {
    match value {
        Value::String(text) if SECRETS.contains(&(section, key)) => {
            redacted(key, text).map_or_else(|| value.to_string(), |text| Value::String(text).to_string())
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
