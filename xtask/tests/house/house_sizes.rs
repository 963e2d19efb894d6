//! How large things get: what is over its limit holds more than one idea.

use std::path::{Path, PathBuf};

use crate::workspace::rust_files;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// All sources below `folder` and in the packages in it, with their number of lines.
fn lines(folder: &Path, found: &mut Vec<(usize, PathBuf)>) {
    for path in rust_files(folder) {
        found.push((std::fs::read_to_string(&path).expect("text").lines().count(), path));
    }
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.join("Cargo.toml").exists() {
            lines(&path, found);
        }
    }
}

fn all(folders: &[&str]) -> Vec<(usize, PathBuf)> {
    let mut found = Vec::new();
    for folder in folders {
        lines(&root().join(folder), &mut found);
    }
    assert!(!found.is_empty(), "there are no sources in {folders:?}");
    found
}

#[test]
fn no_file_holds_too_much() {
    let mut found = all(&["bins", "shared", "tests", "xtask"]);
    found.sort();
    let long: Vec<_> = found.iter().filter(|(lines, _)| *lines > 450).collect();
    assert!(long.is_empty(), "longer than 450 lines: {long:?}");
    let (median, _) = found[found.len() / 2];
    assert!(median <= 110, "half of the files have more than {median} lines");
}

/// What decides something belongs elsewhere. What is left are constructors and questions about one value, each a few lines long:
/// no function in `ports` has a loop, and none is on its own, outside of a type or a trait, but for one text. The limit was 1,800 before
/// people looked at quotes and processes through ports of their own: what a view shows is many small types, each with its fields.
#[test]
fn ports_are_traits_and_little_else() {
    let files = all(&["shared/ports"]);
    let lines: usize = files.iter().map(|(lines, _)| lines).sum();
    assert!(lines <= 2450, "shared/ports has {lines} lines");
    let (mut loops, mut functions) = (Vec::new(), Vec::new());
    for (_, path) in &files {
        let text = std::fs::read_to_string(path).expect("text");
        let is_free = |line: &&str| {
            ["fn ", "pub fn ", "pub(crate) fn ", "pub(super) fn "].iter().any(|start| line.starts_with(start))
        };
        functions.extend(text.lines().filter(is_free).map(str::to_owned));
        let is_loop = |line: &&str| {
            ["for ", "while ", "loop "].iter().any(|start| line.trim_start().starts_with(start))
        };
        loops.extend(text.lines().filter(is_loop).map(str::to_owned));
    }
    assert!(loops.is_empty(), "shared/ports has loops: {loops:#?}");
    assert_eq!(functions, ["fn mixed(simulated: bool) -> &'static str {"], "functions of no type");
}

#[test]
fn the_readme_is_for_a_newcomer() {
    let text = std::fs::read_to_string(root().join("README.md")).expect("there is a README");
    let (lines, words) = (text.lines().count(), text.split_whitespace().count());
    assert!(lines <= 100 && words <= 900, "README.md has {lines} lines and {words} words");
}
