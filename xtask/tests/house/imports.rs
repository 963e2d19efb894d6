//! Which files of a crate import which: a scan of the text, which knows `use`, paths, and what modules re-export. Tests
//! (`#[cfg(test)]`) do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A module as its path from the crate's root; the root is empty.
pub(crate) type Module = Vec<String>;

/// For each module that is a file, the files it imports. Parents and children are not among them.
pub(crate) fn between_files(sources: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let sources: BTreeMap<_, _> =
        sources.iter().map(|(module, text)| (module.clone(), stripped(text))).collect();
    let exports = exports(&sources);
    let mut imports = BTreeMap::new();
    for (module, text) in &sources {
        let mut found = BTreeSet::new();
        for path in used(text).into_iter().chain(mentioned(text)) {
            let Some(path) = absolute(module, &path, &sources) else { continue };
            let Some(file) = file_of(&path, &sources, &exports, 0) else { continue };
            let is_kin = file.starts_with(module) || module.starts_with(&file);
            if !is_kin {
                found.insert(file);
            }
        }
        imports.insert(module.clone(), found);
    }
    imports
}

/// The sources of the crate in `folder`, by module, without its files of tests.
pub(crate) fn sources(folder: &Path) -> BTreeMap<Module, String> {
    let mut sources = BTreeMap::new();
    collect(&folder.join("src"), &Vec::new(), &mut sources);
    sources
}

fn collect(folder: &Path, parent: &Module, sources: &mut BTreeMap<Module, String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("an entry").path();
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let mut module = parent.clone();
        // The root of a library and of a program, and an old name for a folder's own file.
        if !["lib", "main", "mod"].contains(&stem.as_str()) {
            module.push(stem.clone());
        }
        if path.is_dir() {
            collect(&path, &module, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_for_tests(&module) {
            let text = std::fs::read_to_string(&path).expect("a source is text");
            // A package that is a library and a program: their roots are looked at as one.
            sources.entry(module).or_default().push_str(&text);
        }
    }
}

fn is_for_tests(module: &Module) -> bool {
    module.iter().any(|name| ["tests", "testing", "test_page"].contains(&name.as_str()))
}

/// `text` without comments and without what is only there for tests.
fn stripped(text: &str) -> String {
    let code: String = text
        .lines()
        .map(|line| line.find("//").map_or(line, |at| &line[..at]))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut kept = String::new();
    let mut rest = code.as_str();
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        rest = after_item(&rest[at..]);
    }
    kept.push_str(rest);
    kept
}

/// What follows the item at the start of `text`, which ends with `;` or with its block.
fn after_item(text: &str) -> &str {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return &text[at + 1..],
            _ => continue,
        }
        if c == '}' && depth == 0 {
            return &text[at + 1..];
        }
    }
    ""
}

/// The trees of `use` in `text`, with what stands before `use`: `pub`, `pub(crate)` or nothing.
fn trees(text: &str) -> Vec<(&str, &str)> {
    let mut trees = Vec::new();
    let mut start = 0;
    while let Some(at) = text[start..].find("use ").map(|at| at + start) {
        start = at + 4;
        let before = text[..at].rsplit(['\n', ';', '{', '}']).next().unwrap_or_default().trim();
        let is_use = before.is_empty() || before.starts_with("pub");
        if let (true, Some(end)) = (is_use, text[start..].find(';')) {
            trees.push((before, &text[start..start + end]));
        }
    }
    trees
}

/// Every path of a tree such as `a::{b, c::{d, e as f}}`.
fn paths(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some((head, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![
            path.split("::").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect(),
        ];
    };
    let group = group.strip_suffix('}').unwrap_or(group);
    let (mut depth, mut part, mut parts) = (0, String::new(), Vec::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if c == ',' && depth == 0 {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(c);
        }
    }
    parts.push(part);
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| paths(&format!("{head}{}", part.trim()))).collect()
}

fn used(text: &str) -> Vec<Vec<String>> {
    trees(text).into_iter().flat_map(|(_, tree)| paths(tree)).collect()
}

/// Paths that begin with `crate::` or `super::`, wherever they stand.
fn mentioned(text: &str) -> Vec<Vec<String>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = text.split(|c: char| !is_part(c));
    let paths = words.filter(|word| word.starts_with("crate::") || word.starts_with("super::"));
    paths.map(|word| word.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect()).collect()
}

/// `path`, which stands in `module`, from the crate's root; `None` when it leads to another crate.
fn absolute(module: &Module, path: &[String], sources: &BTreeMap<Module, String>) -> Option<Module> {
    let first = path.first()?;
    match first.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => {
            let ups = path.iter().take_while(|name| *name == "super").count();
            let kept = module.len().checked_sub(ups)?;
            Some([&module[..kept], &path[ups..]].concat())
        }
        name => {
            let child = [module.as_slice(), &[name.to_owned()]].concat();
            sources.contains_key(&child).then(|| [module, path].concat())
        }
    }
}

/// What each module re-exports: the name, and the path it stands for.
fn exports(sources: &BTreeMap<Module, String>) -> BTreeMap<(Module, String), Module> {
    let mut exports = BTreeMap::new();
    for (module, text) in sources {
        for (_, tree) in trees(text).into_iter().filter(|(before, _)| before.starts_with("pub")) {
            for path in paths(tree) {
                let Some(name) = path.last().cloned() else { continue };
                if let Some(path) = absolute(module, &path, sources) {
                    exports.insert((module.clone(), name), path);
                }
            }
        }
    }
    exports
}

/// The file in which what `path` names is written, through re-exports.
fn file_of(
    path: &[String],
    sources: &BTreeMap<Module, String>,
    exports: &BTreeMap<(Module, String), Module>,
    hops: usize,
) -> Option<Module> {
    // Longer ways than this are a circle of re-exports.
    if hops > 6 {
        return None;
    }
    let length = (0..=path.len()).rev().find(|&length| sources.contains_key(&path[..length]))?;
    let module = path[..length].to_vec();
    let next = path.get(length).and_then(|name| exports.get(&(module.clone(), name.clone())));
    match next {
        Some(next) => file_of(next, sources, exports, hops + 1).or(Some(module)),
        None => Some(module),
    }
}
