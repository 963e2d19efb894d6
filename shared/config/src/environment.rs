//! What the name of an environment variable means to us: a setting, something else of ours, or a mistake.

use toml::{Table, Value};

/// Prefix of the environment variables; two underscores part the section from the key.
const PREFIX: &str = "COINPIPE__";

/// What every variable of coinpipe begins with.
const OURS: &str = "COINPIPE_";

/// The variable that the CoinMarketCap community uses for the key.
pub(crate) const KEY_ALIAS: &str = "CMC_API_KEY";

/// Variables of ours that are no settings, or how their names begin: for tests and builds.
const NO_SETTINGS: [&str; 5] =
    ["COINPIPE_FAILPOINT", "COINPIPE_TARGET_CACHE", "COINPIPE_TEST_", "COINPIPE_CHAOS_", "COINPIPE_LAB"];

/// Whether an environment variable of this name is a setting.
pub fn is_setting(name: &str) -> bool {
    name == KEY_ALIAS || name.starts_with(PREFIX)
}

/// What a variable is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The API key.
    KeyAlias,
    /// `section__key`, in lower case.
    Setting(String),
    /// A misspelt setting; with the name of the setting that it seems to be.
    Misspelt(Option<String>),
    /// It has our prefix but no meaning. That is no mistake: Kubernetes gives every container variables
    /// such as `COINPIPE_SERVICE_HOST` when there is a service called coinpipe.
    Unknown,
    /// Not for us.
    Foreign,
}

/// What the variable `name` is, where `defaults` has all settings.
pub(crate) fn meaning(name: &str, defaults: &Table) -> Meaning {
    if name == KEY_ALIAS {
        return Meaning::KeyAlias;
    }
    if let Some(path) = name.strip_prefix(PREFIX) {
        return Meaning::Setting(path.to_ascii_lowercase());
    }
    let upper = name.to_ascii_uppercase();
    if !upper.starts_with(OURS) || NO_SETTINGS.iter().any(|ours| name.starts_with(ours)) {
        return Meaning::Foreign;
    }
    let meant = settings(defaults).find(|setting| squashed(setting) == squashed(&upper));
    if meant.is_some() || upper[OURS.len()..].contains("__") {
        return Meaning::Misspelt(meant);
    }
    Meaning::Unknown
}

/// The variables of all settings.
fn settings(defaults: &Table) -> impl Iterator<Item = String> {
    defaults.iter().flat_map(|(section, keys)| {
        let keys = keys.as_table().into_iter().flat_map(Table::keys);
        keys.map(move |key| variable(section, key))
    })
}

/// The variable for `section.key`.
pub(crate) fn variable(section: &str, key: &str) -> String {
    format!("{PREFIX}{}__{}", section.to_ascii_uppercase(), key.to_ascii_uppercase())
}

/// `name` with one underscore where there are several.
fn squashed(name: &str) -> String {
    name.split('_').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}

/// Reads a variable's text as the type that the default has.
pub(crate) fn parse_like(default: &Value, text: &str) -> Result<Value, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_almost_a_setting_is_a_mistake() {
        let defaults: Table = crate::DEFAULT_TOML.parse().unwrap();
        let misspelt = |meant: Option<&str>| Meaning::Misspelt(meant.map(str::to_owned));
        for (name, expected) in [
            ("CMC_API_KEY", Meaning::KeyAlias),
            ("COINPIPE__FETCH__EVERY", Meaning::Setting("fetch__every".to_owned())),
            ("COINPIPE__Fetch__every", Meaning::Setting("fetch__every".to_owned())),
            ("COINPIPE_FETCH__EVERY", misspelt(Some("COINPIPE__FETCH__EVERY"))),
            ("COINPIPE_FETCH_EVERY", misspelt(Some("COINPIPE__FETCH__EVERY"))),
            ("COINPIPE_FETCH_API_KEY_FILE", misspelt(Some("COINPIPE__FETCH__API_KEY_FILE"))),
            ("coinpipe__fetch__every", misspelt(Some("COINPIPE__FETCH__EVERY"))),
            ("Coinpipe_Fetch_Every", misspelt(Some("COINPIPE__FETCH__EVERY"))),
            ("COINPIPE_FETCH__EVRY", misspelt(None)),
            ("COINPIPE_API_KEY", Meaning::Unknown),
            ("COINPIPE_SERVICE_HOST", Meaning::Unknown),
            ("COINPIPE_PORT_9464_TCP", Meaning::Unknown),
            ("COINPIPE_FAILPOINT", Meaning::Foreign),
            ("COINPIPE_TEST_AMQP_URL", Meaning::Foreign),
            ("COINPIPE_TARGET_CACHE", Meaning::Foreign),
            ("COINPIPELINE_FETCH_EVERY", Meaning::Foreign),
            ("PATH", Meaning::Foreign),
        ] {
            assert_eq!(meaning(name, &defaults), expected, "{name}");
        }
    }
}
