//! The two SQL stores do not repeat each other: what both say goes to `tables`, or to `sqlkit` when it is for tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::workspace::{packages, rust_files};

/// So many equal lines in a row are a pair of equal places.
const LINES: usize = 6;

/// How many such pairs there may be. Ten are the aim; loading chunks in groups brought four more, and there must not be others.
const MOST_PAIRS: usize = 14;

/// A file's lines of code, without imports: their numbers and texts.
type Code = Vec<(usize, String)>;

fn code(text: &str) -> Code {
    let mut code = Vec::new();
    let mut is_import = false;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let plain = line
            .strip_prefix("pub ")
            .or(line.split_once(") ").filter(|(before, _)| before.starts_with("pub(")).map(|(_, rest)| rest));
        let plain = plain.unwrap_or(&line);
        if is_import || plain.starts_with("use ") {
            is_import = !line.ends_with(';');
            continue;
        }
        let is_module = plain.starts_with("mod ") && plain.ends_with(';');
        if !line.is_empty() && !is_module && !["//", "#[", "#!"].iter().any(|start| line.starts_with(start)) {
            code.push((number, line));
        }
    }
    code
}

fn sources(folder: &Path) -> Vec<(PathBuf, Code)> {
    let read = |path: &PathBuf| code(&std::fs::read_to_string(path).expect("text"));
    let mut sources: Vec<_> =
        rust_files(folder).into_iter().map(|path| (path.clone(), read(&path))).collect();
    sources.sort();
    sources
}

fn texts(code: &[(usize, String)]) -> Vec<&str> {
    code.iter().map(|(_, line)| line.as_str()).collect()
}

/// Where `one` and `other` have at least so many equal lines, each place once: how many, and where they begin.
fn pairs(one: &[(PathBuf, Code)], other: &[(PathBuf, Code)]) -> Vec<String> {
    let mut places: BTreeMap<Vec<&str>, Vec<(usize, usize)>> = BTreeMap::new();
    for (file, (_, code)) in other.iter().enumerate() {
        for (at, lines) in code.windows(LINES).enumerate() {
            places.entry(texts(lines)).or_default().push((file, at));
        }
    }
    let mut pairs = Vec::new();
    for (path, code) in one {
        for (at, lines) in code.windows(LINES).enumerate() {
            for &(file, there) in places.get(&texts(lines)).into_iter().flatten() {
                let (other_path, other_code) = &other[file];
                // The lines before are equal, too: it is a part of the place before.
                if at > 0 && there > 0 && code[at - 1].1 == other_code[there - 1].1 {
                    continue;
                }
                let equal =
                    code[at..].iter().zip(&other_code[there..]).take_while(|(one, other)| one.1 == other.1);
                let (lines, from, to) = (equal.count(), code[at].0, other_code[there].0);
                pairs.push(format!(
                    "{lines} lines: {}:{from} and {}:{to}",
                    path.display(),
                    other_path.display()
                ));
            }
        }
    }
    pairs
}

#[test]
fn the_two_stores_do_not_repeat_each_other() {
    let packages = packages();
    let of = |name: &str| {
        let package = packages.iter().find(|package| package.name == name).expect("a store");
        sources(&package.folder)
    };
    let (sqlite, mysql) = (of("sqlite"), of("mysql"));
    assert!(sqlite.len() > 20 && mysql.len() > 20, "{} and {} files", sqlite.len(), mysql.len());
    let found = pairs(&sqlite, &mysql);
    assert!(found.len() <= MOST_PAIRS, "{} pairs of equal places: {found:#?}", found.len());
}

#[test]
fn equal_places_are_counted_once_however_long() {
    let file = |text: &str| vec![(PathBuf::from("a.rs"), code(text))];
    let long = "a\nb\nc\nd\ne\nf\ng\n";
    assert_eq!(pairs(&file(long), &file(&format!("x\nuse y::{{\n    z,\n}};\n\n// no\n{long}"))).len(), 1);
    assert_eq!(pairs(&file(long), &file(&format!("{long}-\n{long}"))).len(), 2);
    assert!(pairs(&file(long), &file("a\nb\nc\nd\ne\n-\ng\n")).is_empty());
}
