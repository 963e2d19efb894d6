//! Loading: lays the layers over each other, remembers where each value came from, and names the key,
//! the section and the layer of every mistake.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use crate::sections::Config;
use crate::{DEFAULT_TOML, SecretUrl};

/// Prefix of the environment variables; two underscores part the section from the key.
const ENV_PREFIX: &str = "COINPIPE__";

/// The variable that the CoinMarketCap community uses for the key.
const KEY_ALIAS: &str = "CMC_API_KEY";

/// The keys that hold secrets. Each also takes a file, named by the same key with `_file`.
const SECRETS: [(&str, &str); 5] =
    [("queue", "url"), ("store", "url"), ("import", "url"), ("fetch", "api_key"), ("mail", "url")];

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

/// One line of `coinpipe config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// `section.key`.
    pub name: String,
    /// The value as TOML, secrets redacted.
    pub shown: String,
    /// Where it came from.
    pub layer: Layer,
}

/// The configuration and where each value came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The typed settings.
    pub config: Config,
    table: Table,
    origins: BTreeMap<(String, String), Layer>,
}

impl Loaded {
    /// Every setting with its origin, in the order of the sections' names.
    pub fn settings(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        for (section, keys) in &self.table {
            for (key, value) in keys.as_table().into_iter().flatten() {
                settings.push(Setting {
                    name: format!("{section}.{key}"),
                    shown: shown(section, key, value),
                    layer: self.origin(section, key),
                });
            }
        }
        settings
    }

    /// Where `section.key` came from.
    pub fn origin(&self, section: &str, key: &str) -> Layer {
        self.origins.get(&(section.to_owned(), key.to_owned())).cloned().unwrap_or(Layer::Default)
    }

    /// An error about the value of `section.key` that only its user could find.
    pub fn invalid(&self, section: &str, key: &str, reason: impl Into<String>) -> ConfigError {
        ConfigError::Invalid {
            section: section.to_owned(),
            key: key.to_owned(),
            layer: self.origin(section, key),
            reason: reason.into(),
        }
    }
}

/// Loads the layers: defaults, then `file`, then `env` (name and value of every variable; only those
/// that begin with `COINPIPE__`, and `CMC_API_KEY`, are looked at).
pub fn load(
    file: Option<&Path>,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, ConfigError> {
    let mut layers = Layers::new();
    if let Some(path) = file {
        layers.add_file(path)?;
    }
    let mut env: Vec<_> = env.into_iter().collect();
    // The alias first, so that the full name wins when both are set.
    env.sort_by_key(|(name, _)| (name != KEY_ALIAS, name.clone()));
    for (name, value) in env {
        layers.add_env(&name, &value)?;
    }
    layers.read_secret_files()?;
    layers.finish()
}

/// Whether an environment variable of this name is looked at.
pub fn is_setting(name: &str) -> bool {
    name == KEY_ALIAS || name.starts_with(ENV_PREFIX)
}

struct Layers {
    defaults: Table,
    table: Table,
    origins: BTreeMap<(String, String), Layer>,
}

impl Layers {
    fn new() -> Self {
        let defaults: Table = DEFAULT_TOML.parse().expect("default.toml is valid; a test reads it");
        Self { table: defaults.clone(), defaults, origins: BTreeMap::new() }
    }

    fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|reason| ConfigError::Unreadable { path: path.to_owned(), reason })?;
        // The parser's own message quotes the line, which may hold a secret: give its place only.
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
            ConfigError::Syntax { path: path.to_owned(), reason: format!("line {line}: {}", error.message()) }
        })?;
        let layer = Layer::File(path.to_owned());
        for (section, keys) in table {
            let Value::Table(keys) = keys else {
                return Err(self.unknown_section(section, layer));
            };
            for (key, value) in keys {
                self.set(&section, &key, value, layer.clone())?;
            }
        }
        Ok(())
    }

    fn add_env(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let layer = Layer::Env(name.to_owned());
        if name == KEY_ALIAS {
            return self.set("fetch", "api_key", Value::String(text.to_owned()), layer);
        }
        let Some(path) = name.strip_prefix(ENV_PREFIX) else { return Ok(()) };
        let path = path.to_ascii_lowercase();
        let Some((section, key)) = path.split_once("__") else {
            return Err(self.unknown_section(path, layer));
        };
        let default = self.default(section, key, &layer)?;
        let value = parse_like(default, text).map_err(|reason| ConfigError::Invalid {
            section: section.to_owned(),
            key: key.to_owned(),
            layer: layer.clone(),
            reason,
        })?;
        self.set(section, key, value, layer)
    }

    fn set(&mut self, section: &str, key: &str, value: Value, layer: Layer) -> Result<(), ConfigError> {
        let default = self.default(section, key, &layer)?;
        if !default.same_type(&value) {
            return Err(ConfigError::Invalid {
                section: section.to_owned(),
                key: key.to_owned(),
                layer,
                reason: format!("expected {}, found {}", kind(default), kind(&value)),
            });
        }
        if let Some(keys) = self.table.get_mut(section).and_then(Value::as_table_mut) {
            keys.insert(key.to_owned(), value);
        }
        // Of a secret and its file, the later layer wins; both in one layer is a mistake.
        if let Some(other) = partner(section, key) {
            self.set_aside(section, key, &other, &layer)?;
        }
        self.origins.insert((section.to_owned(), key.to_owned()), layer);
        Ok(())
    }

    fn set_aside(&mut self, section: &str, key: &str, other: &str, layer: &Layer) -> Result<(), ConfigError> {
        let place = (section.to_owned(), other.to_owned());
        let same_layer = match (self.origins.get(&place), layer) {
            (Some(Layer::Env(one)), Layer::Env(_)) => one != KEY_ALIAS,
            (Some(one), two) => one == two,
            (None, _) => false,
        };
        if same_layer && !self.text(section, other).is_empty() && !self.text(section, key).is_empty() {
            return Err(ConfigError::Invalid {
                section: section.to_owned(),
                key: key.to_owned(),
                layer: layer.clone(),
                reason: format!("set either {key} or {other}, not both"),
            });
        }
        if let (Some(keys), Some(default)) = (
            self.table.get_mut(section).and_then(Value::as_table_mut),
            self.defaults.get(section).and_then(|keys| keys.get(other)),
        ) {
            keys.insert(other.to_owned(), default.clone());
        }
        self.origins.remove(&place);
        Ok(())
    }

    /// Replaces every secret whose file is named by the file's text, without its last line break.
    fn read_secret_files(&mut self) -> Result<(), ConfigError> {
        for (section, key) in SECRETS {
            let file_key = format!("{key}_file");
            let path = PathBuf::from(self.text(section, &file_key));
            if path.as_os_str().is_empty() {
                continue;
            }
            let layer = self.origins.get(&(section.to_owned(), file_key.clone())).cloned();
            let layer = layer.unwrap_or(Layer::Default);
            let text = std::fs::read_to_string(&path).map_err(|error| ConfigError::Invalid {
                section: section.to_owned(),
                key: file_key,
                layer: layer.clone(),
                reason: format!("cannot read {}: {error}", path.display()),
            })?;
            let text = text.trim_end_matches(['\r', '\n']).to_owned();
            if let Some(keys) = self.table.get_mut(section).and_then(Value::as_table_mut) {
                keys.insert(key.to_owned(), Value::String(text));
            }
            self.origins.insert((section.to_owned(), key.to_owned()), layer);
        }
        Ok(())
    }

    fn text(&self, section: &str, key: &str) -> &str {
        self.table.get(section).and_then(|keys| keys.get(key)).and_then(Value::as_str).unwrap_or_default()
    }

    /// The default of a key, which also says that the key exists.
    fn default(&self, section: &str, key: &str, layer: &Layer) -> Result<&Value, ConfigError> {
        let Some(keys) = self.defaults.get(section).and_then(Value::as_table) else {
            return Err(self.unknown_section(section.to_owned(), layer.clone()));
        };
        keys.get(key).ok_or_else(|| ConfigError::UnknownKey {
            section: section.to_owned(),
            key: key.to_owned(),
            layer: layer.clone(),
            known: keys.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
        })
    }

    fn unknown_section(&self, section: String, layer: Layer) -> ConfigError {
        let known = self.defaults.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        ConfigError::UnknownSection { section, layer, known }
    }

    fn finish(self) -> Result<Loaded, ConfigError> {
        let Self { table, origins, .. } = self;
        // One section at a time, so that the error's place can be told exactly.
        for (section, keys) in &table {
            for (key, value) in keys.as_table().into_iter().flatten() {
                let mut alone: Table = DEFAULT_TOML.parse().expect("default.toml is valid; a test reads it");
                if let Some(keys) = alone.get_mut(section).and_then(Value::as_table_mut) {
                    keys.insert(key.clone(), value.clone());
                }
                let layer = origins.get(&(section.clone(), key.clone())).cloned().unwrap_or(Layer::Default);
                let invalid = |reason| ConfigError::Invalid {
                    section: section.clone(),
                    key: key.clone(),
                    layer: layer.clone(),
                    reason,
                };
                let config =
                    Config::deserialize(alone).map_err(|error| invalid(error.message().to_owned()))?;
                crate::check::check(&config, section, key).map_err(invalid)?;
            }
        }
        let config = Config::deserialize(table.clone()).expect("each value was read alone before");
        Ok(Loaded { config, table, origins })
    }
}

/// The key that excludes `key`: a secret's file, or a file's secret.
fn partner(section: &str, key: &str) -> Option<String> {
    SECRETS.iter().filter(|(secret_section, _)| *secret_section == section).find_map(|(_, secret)| {
        if key == *secret {
            Some(format!("{secret}_file"))
        } else {
            (key.strip_suffix("_file") == Some(secret)).then(|| (*secret).to_owned())
        }
    })
}

/// Reads an environment variable's text as the type that the default has.
fn parse_like(default: &Value, text: &str) -> Result<Value, String> {
    match default {
        Value::Integer(_) => {
            text.trim().parse().map(Value::Integer).map_err(|_| format!("{text:?} is not a whole number"))
        }
        Value::Boolean(_) => {
            text.trim().parse().map(Value::Boolean).map_err(|_| format!("{text:?} is not true or false"))
        }
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text in quotes",
        Value::Integer(_) => "a whole number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
        Value::Float(_) => "a number with a fraction",
        Value::Datetime(_) => "a date",
    }
}

fn shown(section: &str, key: &str, value: &Value) -> String {
    match value {
        Value::String(text) if SECRETS.contains(&(section, key)) && !text.is_empty() => {
            if key == "url" {
                Value::String(SecretUrl::new(text).to_string()).to_string()
            } else {
                "\"***\"".to_owned()
            }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
