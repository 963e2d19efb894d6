//! Loading: lays the layers over each other, remembers where each value came from, and names the key,
//! the section and the layer of every mistake.

mod loaded;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use crate::defaults::defaults;
use crate::environment::{KEY_ALIAS, Meaning, meaning, parse_like, variable};
use crate::error::{ConfigError, Layer};
use crate::pasted::{check_without_name, without_quotes};
use crate::secret_keys::{SECRETS, file_key, is_redacted, partner};
use crate::sections::Config;
use crate::{file, shallow};

pub use loaded::{Loaded, Setting};

/// Settings for which an empty text is a value. Elsewhere it is as if the setting were absent.
const EMPTY_IS_A_VALUE: [(&str, &str); 1] = [("http", "listen")];

/// Far larger than any real configuration or secret, in bytes.
const LARGEST_FILE: u64 = 1 << 20;
const LARGEST_SECRET: u64 = 64 << 10;

/// Loads the layers: defaults, then `file`, then `env` (name and value of every variable; only those
/// that begin with `COINPIPE_`, and `CMC_API_KEY`, are read). An empty text counts as absent: the value
/// of an earlier layer stays.
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

struct Layers {
    defaults: Table,
    table: Table,
    by_key: BTreeMap<(String, String), Layer>,
    warnings: Vec<String>,
}

impl Layers {
    fn new() -> Self {
        let defaults = defaults();
        Self { table: defaults.clone(), defaults, by_key: BTreeMap::new(), warnings: Vec::new() }
    }

    fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let unreadable = |reason| ConfigError::Unreadable { path: path.to_owned(), reason };
        let text = file::read(path, LARGEST_FILE).map_err(unreadable)?;
        // The parser's own message quotes the line, which may hold a secret: give its place only.
        let table = shallow::parse(&text).map_err(unreadable)?.map_err(|error| {
            let before = error.span().and_then(|span| text.as_bytes().get(..span.start)).unwrap_or_default();
            let line = before.split(|&byte| byte == b'\n').count();
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
        let path = match meaning(name, &self.defaults) {
            Meaning::KeyAlias => {
                return self.set("fetch", "api_key", Value::String(text.to_owned()), layer);
            }
            Meaning::Setting(path) => path,
            Meaning::Misspelt(meant) => {
                return Err(ConfigError::Misspelt { name: name.to_owned(), meant });
            }
            Meaning::Unknown => {
                self.warnings.push(format!(
                    "environment variable {name} is no setting; those begin with COINPIPE__, and `coinpipe config` \
                     lists them"
                ));
                return Ok(());
            }
            Meaning::Foreign => return Ok(()),
        };
        let Some((section, key)) = path.split_once("__") else {
            return Err(self.unknown_section(path, layer));
        };
        let default = self.default(section, key, &layer)?;
        let text = without_quotes(section, key, text);
        if says_nothing(section, key, text) {
            return Ok(());
        }
        let invalid = |reason| ConfigError::Invalid {
            section: section.to_owned(),
            key: key.to_owned(),
            layer: layer.clone(),
            reason,
        };
        let value = parse_like(default, text).map_err(invalid)?;
        if let Some(Layer::Env(other)) = self.by_key.get(&(section.to_owned(), key.to_owned()))
            && other != KEY_ALIAS
        {
            return Err(invalid(format!("{other} is set, too, and means the same setting")));
        }
        self.set(section, key, value, layer)
    }

    fn set(&mut self, section: &str, key: &str, value: Value, layer: Layer) -> Result<(), ConfigError> {
        let default = self.default(section, key, &layer)?;
        let value = match value {
            Value::String(text) => Value::String(without_quotes(section, key, &text).to_owned()),
            other => other,
        };
        if default.is_str() && value.as_str().is_some_and(|text| says_nothing(section, key, text)) {
            return Ok(());
        }
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
        self.by_key.insert((section.to_owned(), key.to_owned()), layer);
        Ok(())
    }

    fn set_aside(&mut self, section: &str, key: &str, other: &str, layer: &Layer) -> Result<(), ConfigError> {
        let place = (section.to_owned(), other.to_owned());
        let both = match (self.by_key.get(&place), layer) {
            (Some(Layer::Env(one)), Layer::Env(two)) => {
                (one != KEY_ALIAS).then(|| format!("set either {one} or {two}, not both"))
            }
            (Some(one), two) => (one == two).then(|| format!("set either {key} or {other}, not both")),
            (None, _) => None,
        };
        if let Some(reason) = both {
            return Err(ConfigError::Invalid {
                section: section.to_owned(),
                key: key.to_owned(),
                layer: layer.clone(),
                reason,
            });
        }
        if let (Some(keys), Some(default)) = (
            self.table.get_mut(section).and_then(Value::as_table_mut),
            self.defaults.get(section).and_then(|keys| keys.get(other)),
        ) {
            keys.insert(other.to_owned(), default.clone());
        }
        self.by_key.remove(&place);
        Ok(())
    }

    /// Replaces every secret whose file is named by the file's text, without its last line break.
    fn read_secret_files(&mut self) -> Result<(), ConfigError> {
        for (section, key) in SECRETS {
            let file_key = file_key(key);
            let path = PathBuf::from(self.text(section, &file_key));
            if path.as_os_str().is_empty() {
                continue;
            }
            let layer = self.layer(section, &file_key);
            let invalid = |reason| ConfigError::Invalid {
                section: section.to_owned(),
                key: file_key.clone(),
                layer: layer.clone(),
                reason,
            };
            let text = file::read(&path, LARGEST_SECRET)
                .map_err(|error| invalid(format!("cannot read {}: {error}", shown(&path))))?;
            let text = without_quotes(section, key, text.trim_end_matches(['\r', '\n'])).to_owned();
            if is_blank(&text) {
                return Err(invalid(format!("{} is empty", path.display())));
            }
            if let Some(keys) = self.table.get_mut(section).and_then(Value::as_table_mut) {
                keys.insert(key.to_owned(), Value::String(text));
            }
            self.by_key.insert((section.to_owned(), key.to_owned()), layer);
        }
        Ok(())
    }

    fn layer(&self, section: &str, key: &str) -> Layer {
        self.by_key.get(&(section.to_owned(), key.to_owned())).cloned().unwrap_or(Layer::Default)
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
        // One value at a time, so that the error's place can be told exactly.
        for (section, keys) in &self.table {
            for (key, value) in keys.as_table().into_iter().flatten() {
                let invalid = |reason| ConfigError::Invalid {
                    section: section.clone(),
                    key: key.clone(),
                    layer: self.layer(section, key),
                    reason,
                };
                self.check_revealed(section, key).map_err(invalid)?;
                check_without_name(section, key, self.text(section, key)).map_err(invalid)?;
                let mut alone = self.defaults.clone();
                if let Some(keys) = alone.get_mut(section).and_then(Value::as_table_mut) {
                    keys.insert(key.clone(), value.clone());
                }
                let config =
                    Config::deserialize(alone).map_err(|error| invalid(error.message().to_owned()))?;
                crate::check::check(&config, section, key).map_err(invalid)?;
            }
        }
        let Self { table, by_key: layers, warnings, .. } = self;
        let config = Config::deserialize(table.clone()).expect("each value was read alone before");
        let loaded = Loaded { config, warnings, table, layers };
        match loaded.config.http.check_together() {
            Ok(()) => Ok(loaded),
            Err((key, reason)) => Err(loaded.invalid("http", key, reason)),
        }
    }

    /// What `coinpipe config` shows in the place of a secret must not be taken for one.
    fn check_revealed(&self, section: &str, key: &str) -> Result<(), String> {
        if SECRETS.contains(&(section, key)) && is_redacted(key, self.text(section, key)) {
            return Err(format!(
                "the secret is not in it, only *** as `coinpipe config` shows it; write it in, set {}, or name a file \
                 in {}",
                variable(section, key),
                file_key(key)
            ));
        }
        Ok(())
    }
}

/// Whether `text` leaves `section.key` as it was.
fn says_nothing(section: &str, key: &str, text: &str) -> bool {
    is_blank(text) && !EMPTY_IS_A_VALUE.contains(&(section, key))
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
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

/// A path as it may be shown: what stands there may be the secret itself, by mistake.
fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    let is_path = text.contains(['/', '.']) && !text.contains("://");
    if is_path {
        text
    } else {
        "what stands there as if it were the path of a file (it may be the secret itself)".to_owned()
    }
}

#[cfg(test)]
mod tests;
