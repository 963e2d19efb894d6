//! Modules do not import each other in a circle, each taken with all that is inside it, over however many files, tests
//! included. A module and what is inside it may know each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::imports::Crate;
use crate::tokens::Path;
use crate::workspace::packages;

/// The imports between the modules of one parent: by two names, the files that do it.
type Level = BTreeMap<String, BTreeMap<String, Vec<(Path, Path)>>>;

/// The imports between modules that are not inside each other, by the parent that both are inside of.
fn levels(imports: &BTreeMap<Path, BTreeSet<Path>>) -> BTreeMap<Path, Level> {
    let mut levels: BTreeMap<Path, Level> = BTreeMap::new();
    for (from, imported) in imports {
        for to in imported {
            let shared = from.iter().zip(to).take_while(|(one, other)| one == other).count();
            let (Some(one), Some(other)) = (from.get(shared), to.get(shared)) else { continue };
            let level = levels.entry(from[..shared].to_vec()).or_default();
            let steps = level.entry(one.clone()).or_default().entry(other.clone()).or_default();
            steps.push((from.clone(), to.clone()));
        }
    }
    levels
}

/// Every module that can be reached from `from`, by one import or more.
fn reached<'a>(from: &str, level: &'a Level) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<_> = level.get(from).into_iter().flat_map(BTreeMap::keys).collect();
    while let Some(module) = waiting.pop() {
        if reached.insert(module.as_str()) {
            waiting.extend(level.get(module).into_iter().flat_map(BTreeMap::keys));
        }
    }
    reached
}

/// The circles: modules that reach each other, with the imports between them.
fn circles(imports: &BTreeMap<Path, BTreeSet<Path>>) -> Vec<String> {
    let mut circles = Vec::new();
    for level in levels(imports).values() {
        let reach: BTreeMap<_, _> =
            level.keys().map(|module| (module.as_str(), reached(module, level))).collect();
        let mut told = BTreeSet::new();
        for (module, reached) in &reach {
            if !reached.contains(module) || told.contains(module) {
                continue;
            }
            let is_member = |other: &str| {
                reached.contains(other) && reach.get(other).is_some_and(|reached| reached.contains(module))
            };
            let mut circle = String::new();
            for (one, steps) in level.iter().filter(|(one, _)| is_member(one)) {
                told.insert(one.as_str());
                for (from, to) in
                    steps.iter().filter(|(other, _)| is_member(other)).flat_map(|(_, steps)| steps)
                {
                    circle.extend(["\n    ", &from.join("::"), " imports ", &to.join("::")]);
                }
            }
            circles.push(circle);
        }
    }
    circles
}

#[test]
fn files_do_not_import_each_other_in_a_circle() {
    let mut found = Vec::new();
    let mut files = 0;
    for root in packages().iter().flat_map(|package| &package.roots) {
        let imports = Crate::at(root).between_files();
        files += imports.len();
        let circles = circles(&imports);
        found.extend(circles.iter().map(|circle| format!("\n{}:{circle}", root.display())));
    }
    assert!(files > 500, "only {files} files");
    assert!(found.is_empty(), "files import each other in a circle:{}", found.concat());
}

#[track_caller]
fn found_in(files: &[(&str, &str)]) -> Vec<String> {
    let text = |module: &Path| {
        let name = module.join("::");
        files.iter().find(|(path, _)| *path == name).map(|(_, text)| (*text).to_owned())
    };
    circles(&Crate::read(&text).between_files())
}

/// Two files that import each other, the second one in different ways.
#[test]
fn a_circle_is_found_however_it_is_written() {
    let a = "use crate::b::B; pub struct A; pub struct Coin;";
    for (b, root) in [
        ("use crate::a::A;", ""),
        ("fn f() -> super::a::A {}", ""),
        ("use super::{a::A};", ""),
        ("use super::{\n    a::{self},\n};", ""),
        ("use self::super::a::A;", ""),
        ("fn f() -> self::super::a::A {}", ""),
        ("use crate as root; fn f() -> root::a::A {}", ""),
        ("use crate::{a as other}; fn f(_: other::A) {}", ""),
        ("#[rustfmt::skip] use crate::{a::A};", ""),
        ("const URL: &str = \"https://example.org\"; use crate::a::A;", ""),
        ("fn f() { let c = '{'; } use crate::a::A;", ""),
        ("macro_rules! m { () => { $crate::a::A } }", ""),
        ("fn f() { assert_eq!(crate::a::A, 1); }", ""),
        // What is inside.
        ("mod inner { use super::super::a::A; }", ""),
        ("mod inner { use crate::a::A; }", ""),
        ("#[cfg(test)] mod tests { const C: char = '{'; } use crate::a::A;", ""),
        ("#[cfg(test)] mod tests { use crate::a::A; }", ""),
        // By what another module has.
        ("use crate::A;", "pub use a::A;"),
        ("use crate::A;", "use a::A;"),
        ("use crate::Money;", "pub use a::Coin as Money;"),
        ("use crate::Coin;", "pub use a::*;"),
        ("use super::*; fn f(_: A) {}", "use a::A;"),
        ("use crate::*; fn f(_: Coin) {}", "pub use a::*;"),
        ("use crate::*; fn f() { a::go() }", ""),
        ("mod tests { use super::*; fn f(_: A) {} } use super::*;", "use a::A;"),
    ] {
        let root = format!("mod a; mod b; {root}");
        let found = found_in(&[("", &root), ("a", a), ("b", &format!("{b} pub struct B;"))]);
        assert_eq!(found, ["\n    a imports b\n    b imports a"], "{b} {root}");
    }
}

#[test]
fn a_circle_over_several_files_is_found() {
    let root = "mod a; mod b; mod c;";
    let found = found_in(&[
        ("", root),
        ("a", "use crate::b::B;"),
        ("b", "pub(crate) use crate::c::C; struct B;"),
        ("c", "use super::{a::A}; struct C;"),
    ]);
    assert_eq!(found, ["\n    a imports b\n    b imports c\n    c imports a"]);
    // Through what is inside a module.
    let found = found_in(&[
        ("", "mod session; mod connection;"),
        ("session", "mod socket; use socket::Socket; pub struct Session;"),
        ("session::socket", "use crate::connection::Connection; pub struct Socket;"),
        ("connection", "use crate::session::Session; pub struct Connection;"),
    ]);
    assert_eq!(found, ["\n    connection imports session\n    session::socket imports connection"]);
    // In a helper for tests, whatever it is called.
    let found = found_in(&[
        ("", "mod a; mod testing;"),
        ("a", "use crate::testing;"),
        ("testing", "use crate::a::A;"),
    ]);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn what_is_no_circle_is_not_taken_for_one() {
    let none: [String; 0] = [];
    let chain = [
        ("", "mod a; mod b; mod c;"),
        ("a", "use crate::b;"),
        ("b", "use crate::c;"),
        ("c", "use std::fmt; // use crate::a;\nconst TEXT: &str = \"use crate::a;\";"),
    ];
    assert_eq!(found_in(&chain), none);
    let kin = [
        ("", "mod a; pub use a::A; fn f() { a::go() }"),
        ("a", "mod part; mod other; use part::Part; use other::Other; pub struct A;"),
        ("a::part", "use super::A; use super::other::Other; pub struct Part;"),
        ("a::other", "use crate::A; pub struct Other;"),
    ];
    assert_eq!(found_in(&kin), none);
    let foreign =
        [("", "mod a; mod b; mod f;"), ("a", "use b::B;"), ("b", "use crate::a::A;"), ("f", "use ::a::A;")];
    assert_eq!(found_in(&foreign), none, "a crate that is named like a file");
    let variable = [
        ("", "mod a; mod b; use b::go;"),
        ("a", "use super::*; fn f(b: u8) -> u8 { let a = b; self.go(); b }"),
        ("b", "use crate::a; pub fn go() {}"),
    ];
    assert_eq!(found_in(&variable), none, "a variable that is named like a file");
}
