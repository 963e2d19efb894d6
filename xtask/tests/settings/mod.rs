//! What there is to deploy: the programs, and the settings that they know.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The names of the programs.
pub(crate) fn programs() -> BTreeSet<String> {
    fs::read_dir(root().join("bins"))
        .expect("the folder of the programs is there")
        .map(|entry| entry.expect("an entry can be read").file_name().to_string_lossy().into_owned())
        .collect()
}

/// The settings that `default.toml` has, as environment variables, with their defaults.
pub(crate) fn settings() -> BTreeMap<String, String> {
    let text =
        fs::read_to_string(root().join("shared/config/src/default.toml")).expect("the settings are there");
    let mut section = String::new();
    let mut settings = BTreeMap::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_uppercase();
        } else if let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            let name = format!("COINPIPE__{section}__{}", key.to_uppercase());
            settings.insert(name, value.trim_matches('"').to_owned());
        }
    }
    settings
}

/// The number in a text such as `30s`.
pub(crate) fn seconds(text: &str) -> u32 {
    text.strip_suffix('s').and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{text}?"))
}
