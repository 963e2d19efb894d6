//! The tests that ARCHITECTURE.md names as holding an invariant are there, where it says, and are tests.

use std::fs;
use std::path::Path;

/// How many rows and names of tests the table has. Who adds or removes an invariant says so here.
const ROWS: usize = 61;
const NAMES: usize = 132;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The texts of `place.rs` and of all Rust files in the folder `place`.
fn texts(place: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let file = place.with_extension("rs");
    if file.is_file() {
        found.push(read(&file));
    }
    for entry in fs::read_dir(place).into_iter().flatten() {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            found.extend(texts(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(read(&path));
        }
    }
    found
}

/// The text of the module `place`; nothing when it has no file.
fn own_text(place: &Path) -> String {
    let file = if place.ends_with("src") { place.join("lib.rs") } else { place.with_extension("rs") };
    fs::read_to_string(file).unwrap_or_default()
}

/// Whether `text` has a test, or makes what follows one.
fn has_tests(text: &str) -> bool {
    ["#[test]", "#[tokio::test"].iter().any(|attribute| text.contains(attribute))
}

/// Whether `text` has a test that is called `name`.
fn has_test(text: &str, name: &str) -> bool {
    let Some((before, _)) = text.split_once(&format!("fn {name}(")) else { return false };
    // Its attributes and comments: up to the end of what comes before it.
    let (above, _) = before.rsplit_once('\n').unwrap_or_default();
    let mut above = above.lines().rev().take_while(|line| !line.is_empty() && *line != "}");
    above.any(has_tests)
}

/// What is inside the module `name` of `text`, which is not a file of its own.
fn within<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split_once(&format!("mod {name} {{")).map(|(_, rest)| rest)
}

/// Whether `name`, such as `stage::run::tests::poison_never_blocks`, is a test, or a module that has tests.
fn is_test(name: &str) -> bool {
    let (package, path) = name.split_once("::").expect("a path");
    let homes = ["bins", "shared"].map(|folder| root().join(folder).join(package).join("src"));
    let Some(home) = homes.into_iter().find(|home| home.is_dir()) else { return false };
    if let ("testkit", Some(path)) = (package, path.strip_prefix("contract::")) {
        return is_promise(&home.join("contract"), path);
    }
    let mut place = home;
    let mut names = path.split("::").peekable();
    while let Some(name) = names.next_if(|name| {
        let next = place.join(name);
        next.with_extension("rs").is_file() || next.is_dir()
    }) {
        place = place.join(name);
    }
    match names.collect::<Vec<_>>()[..] {
        [] => texts(&place).iter().any(|text| has_tests(text)),
        ["tests"] => within(&own_text(&place), "tests").is_some_and(has_tests),
        ["tests", name] => within(&own_text(&place), "tests").is_some_and(|text| has_test(text, name)),
        [name] => has_test(&own_text(&place), name),
        _ => false,
    }
}

/// Whether `path`, such as `store::cuts` or `queue::a_late_ack_returns_lost`, is a promise of a contract, or a part with promises:
/// functions that the contract's macro makes tests of.
fn is_promise(contracts: &Path, path: &str) -> bool {
    let (port, wanted) = path.split_once("::").unwrap_or((path, ""));
    let text = read(&contracts.join(port).with_extension("rs"));
    let Some((_, list)) = text.split_once("macro_rules!") else { return false };
    let listed: Vec<_> = list.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let folder = contracts.join(port);
    let is_listed = |text: &str| {
        let functions = text.split("pub async fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
        functions.filter(|function| listed.contains(function)).count() > 0
    };
    if wanted.is_empty() {
        return texts(&folder).iter().any(|text| is_listed(text));
    }
    let file = folder.join(wanted).with_extension("rs");
    if file.is_file() {
        return is_listed(&read(&file));
    }
    let declared = [format!("pub async fn {wanted}("), format!("pub async fn {wanted}<")];
    let is_there = |text: &String| declared.iter().any(|declared| text.contains(declared));
    listed.contains(&wanted) && texts(&folder).iter().any(is_there)
}

/// Whether `place` is a file or a folder with tests, or a list of lints.
fn is_place(place: &str) -> bool {
    let path = root().join(place);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => path.is_file() && texts(&path.with_extension("")).iter().any(|text| has_tests(text)),
        Some(_) => path.is_file(),
        None => texts(&path).iter().any(|text| has_tests(text)),
    }
}

#[test]
fn the_tests_that_hold_invariants_are_there() {
    let text = read(&root().join("ARCHITECTURE.md"));
    let table =
        text.split("## Invariants").nth(1).and_then(|rest| rest.split("\n\n").nth(1)).expect("a table");
    let rows: Vec<_> = table.lines().skip(2).collect();
    let held_by = rows.iter().filter_map(|line| line.rsplit(" | ").next());
    let (mut missing, mut seen) = (Vec::new(), 0);
    for name in held_by.flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
        // A type's method, or a word of Rust.
        if !name.contains("::") && !name.contains(['/', '.']) || name.starts_with(char::is_uppercase) {
            continue;
        }
        seen += 1;
        if !(if name.contains("::") { is_test(name) } else { is_place(name) }) {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "renamed, gone, or no tests: {missing:?}");
    assert_eq!((rows.len(), seen), (ROWS, NAMES), "rows of the table, and tests that it names");
}

#[test]
fn what_is_not_a_test_is_not_taken_for_one() {
    for name in [
        "stage::run::tests::poison_never_block",
        "stage::tests::poison_never_blocks",
        "stage::run::poison_never_blocks",
        "stage::run::session",
        "fetcher::client::tests::the_key_is_in_no_error_even_when_the_server_sends_it_back",
        "testkit::contract::store::sample",
        "testkit::contract::queue::a_late_ack_returns",
        "nothing::at::all",
    ] {
        assert!(!is_test(name), "{name}");
    }
    assert!(!is_place("tests/scenarios/any_store.rs") && !is_place("tests/scenarios/gone.rs"));
    let text = "#[test]\nfn one() {\n}\n\nfn two() {\n}\n\n/// Why.\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn three() {\n}\n";
    assert_eq!(["one", "two", "three", "four"].map(|name| has_test(text, name)), [true, false, true, false]);
}
