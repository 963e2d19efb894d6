//! How large things get: what is over its limit holds more than one idea.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// All sources below `folder`, with their number of lines.
fn lines(folder: &Path, found: &mut Vec<(usize, PathBuf)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            lines(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((std::fs::read_to_string(&path).expect("text").lines().count(), path));
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

#[test]
fn ports_are_traits_and_little_else() {
    let lines: usize = all(&["shared/ports"]).iter().map(|(lines, _)| lines).sum();
    assert!(lines <= 1300, "shared/ports has {lines} lines");
}

#[test]
fn the_readme_is_for_a_newcomer() {
    let text = std::fs::read_to_string(root().join("README.md")).expect("there is a README");
    let (lines, words) = (text.lines().count(), text.split_whitespace().count());
    assert!(lines <= 100 && words <= 900, "README.md has {lines} lines and {words} words");
}
