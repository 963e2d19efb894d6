//! The settings that the documentation names are there, and have the defaults that it says.

use std::collections::BTreeMap;
use std::fs;

use crate::pages::{pages, root};

/// The settings of `default.toml`, as in `fetch.every`, with their defaults.
fn settings() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("shared/config/src/default.toml")).expect("the settings");
    let (mut section, mut settings) = (String::new(), BTreeMap::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = line.split_once(" = ") {
            settings.insert(format!("{section}.{key}"), value.trim_matches('"').to_owned());
        }
    }
    settings
}

/// `COINPIPE__FETCH__EVERY` as `fetch.every`.
fn of_variable(name: &str) -> String {
    name.trim_start_matches("COINPIPE__").to_lowercase().replacen("__", ".", 1)
}

/// The settings that a text names in one of three ways: `COINPIPE__FETCH__EVERY`, `fetch.every`, `[fetch] every`.
fn named(text: &str, sections: &[&str]) -> Vec<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || "_.[]".contains(letter)));
    let words: Vec<_> = words.map(|word| word.trim_matches('.')).collect();
    let of_section = words.windows(2).filter_map(|pair| {
        let section = pair[0].strip_prefix('[')?.strip_suffix(']')?;
        (sections.contains(&section) && !pair[1].is_empty()).then(|| format!("{section}.{}", pair[1]))
    });
    let alone = words.iter().filter_map(|word| {
        let is_variable = word.starts_with("COINPIPE__");
        let is_key = word.split_once('.').is_some_and(|(section, key)| {
            // Not a host, such as mail.example.com, nor a file, such as desk.rs.
            sections.contains(&section) && !key.contains('.') && key != "rs"
        });
        (is_variable || is_key).then(|| if is_variable { of_variable(word) } else { (*word).to_owned() })
    });
    of_section.chain(alone).collect()
}

#[test]
fn documented_settings_are_there() {
    let settings = settings();
    let sections: Vec<_> = settings.keys().filter_map(|name| Some(name.split_once('.')?.0)).collect();
    let (mut seen, mut unknown) = (0, Vec::new());
    for page in pages() {
        let blocks = page.blocks().into_iter().map(|block| block.text);
        for name in page.spans().into_iter().chain(blocks).flat_map(|text| named(&text, &sections)) {
            seen += 1;
            if !settings.contains_key(&name) {
                unknown.push(format!("{}: {name}", page.name));
            }
        }
    }
    assert!(seen > 50, "where are they all? {seen}");
    assert!(unknown.is_empty(), "no such settings: {unknown:#?}");
}

#[test]
fn documented_defaults_are_the_defaults() {
    let settings = settings();
    let page = fs::read_to_string(root().join("docs/configuration.md")).expect("the page");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `COINPIPE__")?.split_once("` | `"));
    let rows: Vec<_> = rows.map(|(name, rest)| (of_variable(name), rest.split('`').next())).collect();
    assert!(rows.len() > 5, "where is the table? {rows:?}");
    for (name, default) in rows {
        assert_eq!(settings.get(&name).map(String::as_str), default, "{name}");
    }
}

#[test]
fn settings_are_found_however_they_are_named() {
    let sections = ["fetch", "mail"];
    let text = "COINPIPE__FETCH__EVERY=15m and fetch.limit, [mail] to. mail.example.com";
    assert_eq!(named(text, &sections), ["mail.to", "fetch.every", "fetch.limit"]);
}
