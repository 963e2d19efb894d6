//! The house rules about dependencies: which crate of the workspace may use which, and who alone may
//! use the libraries that are walled in. Reads `cargo metadata`, so nothing can go around it.

use std::collections::{BTreeMap, BTreeSet};

use crate::workspace::{Kind, packages, rust_files};

/// What each crate of the house may depend on, apart from tests. Stages (the first four) never know an
/// adapter or each other; adapters never know each other, `stage` or `config`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("ports", &["domain"]),
    ("outage", &["ports", "domain"]),
    ("tables", &["ports", "domain"]),
    // The next two are only ever beside tests.
    ("testkit", &["ports", "domain"]),
    ("sqlkit", &["testkit", "ports", "domain"]),
    ("telemetry", &["outage", "ports", "domain"]),
    ("stage", &["telemetry", "outage", "ports", "domain"]),
    ("config", &[]),
    ("web", &[]),
    ("sqlite", &["outage", "tables", "ports", "domain"]),
    ("mysql", &["outage", "tables", "ports", "domain"]),
    ("rabbitmq", &["outage", "ports", "domain"]),
    ("simulator", &["web", "ports", "domain"]),
    (
        "service",
        &["config", "web", "rabbitmq", "mysql", "sqlite", "stage", "telemetry", "outage", "ports", "domain"],
    ),
    ("desk", &["service", "telemetry", "config", "outage", "ports", "domain"]),
    ("site", &["desk", "service", "config", "web", "telemetry", "outage", "ports", "domain"]),
    ("fetcher", &["simulator", "service", "stage", "telemetry", "config", "outage", "ports", "domain"]),
    ("transformer", &["service", "stage", "telemetry", "config", "outage", "ports", "domain"]),
    ("loader", &["service", "stage", "telemetry", "config", "outage", "ports", "domain"]),
    ("alerter", &["site", "desk", "service", "stage", "telemetry", "config", "outage", "ports", "domain"]),
    (
        "coinpipe",
        &[
            "fetcher",
            "transformer",
            "loader",
            "alerter",
            "simulator",
            "desk",
            "site",
            "service",
            "stage",
            "telemetry",
            "config",
            "outage",
            "ports",
            "domain",
        ],
    ),
    // All that these have is tests, and an example.
    ("scenarios", &[]),
    ("bench", &[]),
    ("browser", &[]),
    ("lab", &[]),
    ("xtask", &["lab"]),
];

/// What tests may use besides, apart from `testkit` and `lab`, which all may: no stage needs another to be tested, and no adapter
/// another or a stage.
const TESTS_MAY_USE: &[(&str, &[&str])] = &[
    ("sqlite", &["sqlkit"]),
    ("mysql", &["sqlkit"]),
    // They look at everything together. The programs they start, they do not link.
    (
        "scenarios",
        &[
            "fetcher",
            "transformer",
            "loader",
            "alerter",
            "simulator",
            "sqlite",
            "mysql",
            "rabbitmq",
            "sqlkit",
            "service",
            "stage",
            "telemetry",
            "config",
            "outage",
            "ports",
            "domain",
        ],
    ),
    // It fills the store that the programs then serve.
    ("browser", &["sqlite", "ports", "domain"]),
    // It measures stages through the ports, whatever is behind them.
    (
        "bench",
        &[
            "fetcher",
            "transformer",
            "simulator",
            "service",
            "stage",
            "telemetry",
            "config",
            "ports",
            "domain",
        ],
    ),
];

/// Libraries that only these crates may use, tests included; and so with what they are made of, such as `sqlx-core`.
const WALLED_IN: &[(&str, &[&str])] = &[
    ("lapin", &["rabbitmq"]),
    // sqlkit reads the tables by itself, to compare what the adapters wrote.
    ("sqlx", &["sqlite", "mysql", "sqlkit"]),
    ("polars", &["transformer"]),
    ("lettre", &["alerter"]),
    // The API, the collector of traces, and webhooks.
    ("reqwest", &["alerter", "fetcher", "telemetry"]),
    ("clokwerk", &["fetcher"]),
    ("bincode", &["domain"]),
    ("parquet", &["coinpipe"]),
];

#[test]
fn dependencies_point_one_way() {
    let packages = packages();
    let may_use: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let tests_may_use: BTreeMap<_, _> = TESTS_MAY_USE.iter().copied().collect();
    let members: BTreeSet<_> = packages.iter().map(|package| package.name.as_str()).collect();
    let listed: BTreeSet<_> = may_use.keys().copied().collect();
    assert_eq!(members, listed, "a crate of the workspace is not in MAY_USE, or the other way round");
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for package in &packages {
        let from = package.name.as_str();
        for dependency in package.dependencies.iter().filter(|to| members.contains(to.name.as_str())) {
            let to = dependency.name.as_str();
            let beside_tests = tests_may_use.get(from).is_some_and(|names| names.contains(&to));
            let is_right = match dependency.kind {
                Kind::Tests => {
                    ["testkit", "lab"].contains(&to) || beside_tests || may_use[from].contains(&to)
                }
                Kind::Normal | Kind::Build => may_use[from].contains(&to),
            };
            if beside_tests {
                used.insert((from, to));
            }
            if !is_right {
                wrong.push(format!("{from} uses {to}"));
            }
        }
    }
    assert!(wrong.is_empty(), "against the house rules: {wrong:?}");
    let listed = TESTS_MAY_USE.iter().flat_map(|(from, names)| names.iter().map(|to| (*from, *to)));
    assert_eq!(listed.filter(|edge| !used.contains(edge)).collect::<Vec<_>>(), [], "listed for nothing");
}

/// Whether `package` is `library`, or a part of it that is published by itself.
fn is_of(package: &str, library: &str) -> bool {
    package.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

#[test]
fn walled_in_libraries_have_few_homes() {
    assert!(is_of("sqlx", "sqlx") && is_of("sqlx-core", "sqlx") && !is_of("sqlxmq", "sqlx"));
    for package in packages() {
        for (library, homes) in WALLED_IN {
            for dependency in package.dependencies.iter().filter(|to| is_of(&to.name, library)) {
                let is_home = homes.contains(&package.name.as_str());
                assert!(is_home, "{} uses {}, which only {homes:?} may", package.name, dependency.name);
            }
        }
    }
}

/// A library that a home passes on has as many homes as the home has users; and a crate of the house that is passed on is used
/// where `Cargo.toml` does not say so.
#[test]
fn no_crate_passes_another_on() {
    let packages = packages();
    let mut names: BTreeSet<_> = packages.iter().map(|package| package.name.as_str()).collect();
    names.extend(WALLED_IN.iter().map(|(library, _)| *library));
    let mut found = Vec::new();
    for file in packages.iter().flat_map(|package| rust_files(&package.folder)) {
        let text = std::fs::read_to_string(&file).expect("a source is text");
        for line in text.lines() {
            let Some(path) = line.trim().strip_prefix("pub use ") else { continue };
            let name = path.trim_start_matches("::").trim_end_matches(';').split([' ', ':']).next();
            // What is written as `name::Item` may be a module of that name.
            let is_whole = !path.trim_start_matches("::").contains("::");
            if is_whole && name.is_some_and(|name| names.contains(name)) {
                found.push(format!("{}: {line}", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
