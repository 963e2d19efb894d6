//! Files of a crate do not import each other in a circle, over however many files; a module and what is inside it may know
//! each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::imports::{Module, between_files, sources};

type Imports = BTreeMap<Module, BTreeSet<Module>>;

/// Every module that can be reached from `from`, by one import or more.
fn reached(from: &Module, imports: &Imports) -> BTreeSet<Module> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<_> = imports.get(from).into_iter().flatten().cloned().collect();
    while let Some(module) = waiting.pop() {
        if reached.insert(module.clone()) {
            waiting.extend(imports.get(&module).into_iter().flatten().cloned());
        }
    }
    reached
}

/// The circles: modules that reach each other, with the imports between them.
fn circles(imports: &Imports) -> Vec<String> {
    let reach: BTreeMap<_, _> = imports.keys().map(|module| (module, reached(module, imports))).collect();
    let together = |one: &Module, other: &Module| {
        reach.get(one).is_some_and(|reached| reached.contains(other))
            && reach.get(other).is_some_and(|reached| reached.contains(one))
    };
    let mut told: BTreeSet<&Module> = BTreeSet::new();
    let mut circles = Vec::new();
    for module in imports.keys().filter(|module| together(module, module)) {
        if told.contains(module) {
            continue;
        }
        let members: Vec<_> = imports.keys().filter(|other| together(module, other)).collect();
        told.extend(members.iter().copied());
        let steps = members.iter().flat_map(|from| {
            let to = imports[*from].iter().filter(|to| members.contains(to));
            to.map(|to| format!("\n    {} imports {}", from.join("::"), to.join("::")))
        });
        circles.push(steps.collect());
    }
    circles
}

/// The folders of the workspace's packages.
fn packages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned();
    let mut packages = vec![root.join("xtask"), root.join("tests/lab")];
    for group in ["bins", "shared"] {
        let folders = std::fs::read_dir(root.join(group)).expect("a folder of packages");
        packages.extend(folders.map(|entry| entry.expect("an entry").path()));
    }
    packages.retain(|folder| folder.join("Cargo.toml").exists());
    packages.sort();
    packages
}

#[test]
fn files_do_not_import_each_other_in_a_circle() {
    let packages = packages();
    assert!(packages.len() > 15, "only {packages:?}");
    let mut found = Vec::new();
    for folder in packages {
        let sources = sources(&folder);
        assert!(!sources.is_empty(), "{} has no sources", folder.display());
        for circle in circles(&between_files(&sources)) {
            found.push(format!("\n{}:{circle}", folder.display()));
        }
    }
    assert!(found.is_empty(), "files import each other in a circle:{}", found.concat());
}

fn crate_of(files: &[(&str, &str)]) -> BTreeMap<Module, String> {
    let module = |path: &str| path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
    files.iter().map(|(path, text)| (module(path), (*text).to_owned())).collect()
}

#[track_caller]
fn found_in(files: &[(&str, &str)]) -> Vec<String> {
    circles(&between_files(&crate_of(files)))
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    for (a, b, c) in [
        ("use crate::b::B;", "use crate::a::A;", ""),
        ("use crate::{c, b::{self, B}};", "fn f() -> super::a::A {}", ""),
        ("use crate::b::B;", "pub(crate) use crate::c::C;", "use super::{a::A};"),
        // Through what the root re-exports.
        ("use crate::B;", "use crate::A;", ""),
    ] {
        let root = "mod a; mod b; mod c; pub use a::A; pub use b::B;";
        let found = found_in(&[("", root), ("a", a), ("b", b), ("c", c)]);
        assert_eq!(found.len(), 1, "{a} {b} {c}");
        assert!(found[0].contains("a imports b"), "{found:?}");
    }
}

#[test]
fn what_is_no_circle_is_not_taken_for_one() {
    let none: [String; 0] = [];
    let chain = [
        ("", "mod a; mod b; mod c;"),
        ("a", "use crate::b;"),
        ("b", "use crate::c;"),
        ("c", "use std::fmt;"),
    ];
    assert_eq!(found_in(&chain), none);
    let kin =
        [("", "mod a;"), ("a", "mod part; use part::Part;"), ("a::part", "use super::A; use crate::a::A;")];
    assert_eq!(found_in(&kin), none);
    let tests = [
        ("", ""),
        ("a", "use crate::b::B;"),
        ("b", "// use crate::a::A;\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n"),
    ];
    assert_eq!(found_in(&tests), none);
    let foreign = [("", ""), ("a", "use b::B;"), ("b", "use crate::a::A;")];
    assert_eq!(found_in(&foreign), none, "a crate that is named like a file");
}
