//! The house rules about dependencies: which crate of the workspace may use which, and who alone may
//! use the libraries that are walled in. Reads `cargo metadata`, so nothing can go around it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What each crate of the house may depend on, apart from tests. Stages (the first four) never know an
/// adapter or each other; adapters never know each other, `stage` or `config`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("ports", &["domain"]),
    ("outage", &["ports", "domain"]),
    ("tables", &["ports", "domain"]),
    // Only ever beside tests.
    ("testkit", &["tables", "ports", "domain"]),
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
    ("fetcher", &["simulator", "service", "stage", "telemetry", "config", "outage", "ports", "domain"]),
    ("transformer", &["service", "stage", "telemetry", "config", "outage", "ports", "domain"]),
    ("loader", &["service", "stage", "telemetry", "config", "outage", "ports", "domain"]),
    ("alerter", &["service", "stage", "telemetry", "config", "outage", "ports", "domain"]),
    (
        "coinpipe",
        &[
            "fetcher",
            "transformer",
            "loader",
            "alerter",
            "simulator",
            "service",
            "stage",
            "telemetry",
            "config",
            "outage",
            "ports",
            "domain",
        ],
    ),
    // The scenarios look at everything from outside.
    (
        "scenarios",
        &[
            "fetcher",
            "transformer",
            "loader",
            "alerter",
            "coinpipe",
            "simulator",
            "sqlite",
            "service",
            "stage",
            "telemetry",
            "config",
            "outage",
            "ports",
            "domain",
        ],
    ),
    // Nothing but an example, which is a test here.
    ("bench", &[]),
    ("lab", &[]),
    ("xtask", &["lab"]),
];

/// Libraries that only these crates may use, tests included.
const WALLED_IN: &[(&str, &[&str])] = &[
    ("lapin", &["rabbitmq"]),
    // testkit reads the tables by itself, to compare what the adapters wrote.
    ("sqlx", &["sqlite", "mysql", "testkit"]),
    ("polars", &["transformer"]),
    ("lettre", &["alerter"]),
    // The API, and the collector of traces.
    ("reqwest", &["fetcher", "telemetry"]),
    ("clokwerk", &["fetcher"]),
    ("bincode", &["domain"]),
];

struct Edge {
    from: String,
    to: String,
    for_tests: bool,
}

/// The packages of the workspace, and what each asks for.
fn edges() -> (BTreeSet<String>, Vec<Edge>) {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let arguments = ["metadata", "--format-version=1", "--no-deps", "--manifest-path", manifest];
    let output = Command::new(env!("CARGO")).args(arguments).output().expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let mut members = BTreeSet::new();
    let mut edges = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        members.insert(text(&package["name"]));
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let for_tests = dependency["kind"] == "dev";
            edges.push(Edge { from: text(&package["name"]), to: text(&dependency["name"]), for_tests });
        }
    }
    (members, edges)
}

#[test]
fn dependencies_point_one_way() {
    let (members, edges) = edges();
    let may_use: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let listed: BTreeSet<_> = may_use.keys().map(|&name| name.to_owned()).collect();
    assert_eq!(members, listed, "a crate of the workspace is not in MAY_USE, or the other way round");
    let wrong: Vec<_> = edges
        .iter()
        // Tests of a stage may stand a simulator beside it; what is built for users may not.
        .filter(|edge| members.contains(&edge.to) && !edge.for_tests)
        .filter(|edge| !may_use[edge.from.as_str()].contains(&edge.to.as_str()))
        .map(|edge| format!("{} uses {}", edge.from, edge.to))
        .collect();
    assert!(wrong.is_empty(), "against the house rules: {wrong:?}");
}

#[test]
fn walled_in_libraries_have_one_home() {
    let (_, edges) = edges();
    for (library, homes) in WALLED_IN {
        for edge in edges.iter().filter(|edge| edge.to == *library) {
            assert!(
                homes.contains(&edge.from.as_str()),
                "{} uses {library}, which only {homes:?} may",
                edge.from
            );
        }
    }
}
