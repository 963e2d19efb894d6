//! No crate from outside is compiled twice between `cargo run`, `cargo build --workspace` and `cargo xtask test`: each of
//! them needs it with the same features. Reads `cargo tree`, so it builds nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// What a command of a developer compiles: its name, and what `cargo tree` selects for it.
const SELECTIONS: &[(&str, &[&str])] = &[
    // The default members.
    ("cargo run", &[]),
    ("cargo xtask", &["--package", "xtask"]),
    ("cargo build --workspace", &["--workspace"]),
];

/// The selection that holds all others: the workspace, with its tests.
const ALL: (&str, &[&str]) = ("cargo xtask test", &["--workspace"]);

/// Edges that `cargo tree` follows. The first are for what is linked into programs: each crate has one set of features
/// there, which another set in a build script must not hide.
const EDGES: &[&str] = &["normal,no-proc-macro", "normal,build"];

/// Features of each crate from outside. A crate that programs and build scripts both use may be there with two sets.
type Features = BTreeMap<String, BTreeSet<String>>;

#[test]
fn every_selection_compiles_outside_crates_with_the_same_features() {
    let mut different = Vec::new();
    for edges in EDGES {
        let all = features(ALL.1, &format!("{edges},dev"));
        for (command, packages) in SELECTIONS {
            different.extend(differences(&features(packages, edges), &all, command));
        }
    }
    assert!(
        different.is_empty(),
        "these crates, and all that stands on them, are compiled twice. Write the features that are missing into \
         [workspace.dependencies]:\n{}",
        different.join("\n")
    );
}

#[test]
fn a_feature_more_is_a_difference_and_a_crate_more_is_none() {
    let run = parse("tokio v1.54.1|fs,net\nsyn v3.0.10|full\n");
    let tests =
        parse("tokio v1.54.1|fs,net,test-util\nsyn v3.0.10|full (*)\nsyn v3.0.10|\nrcgen v0.14.5|ring\n");
    assert_eq!(
        differences(&run, &tests, "cargo run"),
        ["tokio v1.54.1: `cargo run` has fs,net; `cargo xtask test` has fs,net,test-util"]
    );
    assert!(
        parse("stage v0.1.0 (/home/me/coinpipe/shared/stage)|default\n").is_empty(),
        "the house is not outside"
    );
}

/// Which crates of `some` are not in `all` with the features that they have there.
fn differences(some: &Features, all: &Features, command: &str) -> Vec<String> {
    let none = BTreeSet::new();
    let mut different = Vec::new();
    for (package, sets) in some {
        let others = all.get(package).unwrap_or(&none);
        for set in sets.difference(others) {
            let others: Vec<_> = others.iter().map(String::as_str).collect();
            let others = others.join(" and ");
            different.push(format!("{package}: `{command}` has {set}; `{}` has {others}", ALL.0));
        }
    }
    different
}

fn features(packages: &[&str], edges: &str) -> Features {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p}|{f}", "--edges", edges])
        .args(packages)
        // A machine may be set to unite the features itself, which hides what this test looks for.
        .env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION")
        .env_remove("CARGO_UNSTABLE_FEATURE_UNIFICATION")
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let features = parse(&String::from_utf8(output.stdout).expect("cargo tree writes UTF-8"));
    assert!(features.len() > 10, "cargo tree shows only {} crates for {packages:?}", features.len());
    features
}

fn parse(tree: &str) -> Features {
    let mut features = Features::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let line = line.trim_end_matches(" (*)");
        let (package, set) =
            line.split_once('|').unwrap_or_else(|| panic!("unexpected line of cargo tree: {line}"));
        // Crates of the house are paths. They are compiled again when their tests are, in any case.
        if !package.contains("(/") {
            features.entry(package.to_owned()).or_default().insert(set.to_owned());
        }
    }
    features
}
