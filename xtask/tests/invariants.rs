//! The tests that ARCHITECTURE.md names as holding an invariant are there.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// All Rust files below `folder`.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Whether the crate that `name` begins with has a module or a function of the name that it ends with.
fn is_in_its_crate(name: &str) -> bool {
    let words: Vec<_> = name.split("::").collect();
    let (first, last) = (words[0], words[words.len() - 1]);
    let homes = ["bins", "shared"].map(|folder| root().join(folder).join(first));
    let Some(home) = homes.into_iter().find(|home| home.is_dir()) else { return false };
    let mut files = Vec::new();
    sources(&home, &mut files);
    // `a::tests` may be a module within `a.rs`.
    let (named, within) = match words[..] {
        [.., parent, "tests"] => (parent, "mod tests"),
        _ => (last, ""),
    };
    files.iter().any(|file| {
        let text = || fs::read_to_string(file).expect("text");
        let is_named = file.file_stem().is_some_and(|stem| stem == named)
            || file.with_extension("").parent().is_some_and(|folder| folder.ends_with(named));
        (is_named && text().contains(within)) || text().contains(&format!("fn {last}("))
    })
}

#[test]
fn the_tests_that_hold_invariants_are_there() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let table =
        text.split("## Invariants").nth(1).and_then(|rest| rest.split("\n\n").nth(1)).expect("a table");
    let held_by = table.lines().skip(2).filter_map(|line| line.rsplit(" | ").next());
    let mut missing = Vec::new();
    let mut seen = 0;
    for name in held_by.flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
        // A type's method, or a word of Rust.
        if !name.contains("::") && !name.contains(['/', '.']) || name.starts_with(char::is_uppercase) {
            continue;
        }
        seen += 1;
        let is_there = if name.contains("::") { is_in_its_crate(name) } else { root().join(name).exists() };
        if !is_there {
            missing.push(name);
        }
    }
    assert!(seen > 40, "where are they all? {seen}");
    assert!(missing.is_empty(), "renamed or gone: {missing:?}");
}
