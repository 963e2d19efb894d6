//! What comes from outside is compiled once: the first run, a build of all and the tests ask for it with the same features
//! (decision 6).

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// For each crate from outside, the sets of features with which it is compiled: more than one when macros and build scripts
/// need others than the programs.
fn features(selection: &[&str], edges: &str) -> BTreeMap<String, BTreeSet<String>> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--manifest-path", manifest, "--prefix=none", "--format={p}|{f}", "--edges", edges])
        .args(selection)
        // Who builds with the features of the whole workspace asks for what others build.
        .env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION")
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut features: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Some((package, set)) = line.split_once('|') else { continue };
        // Ours are shown with their folders.
        if !package.contains("(/") {
            let package = package.trim_end_matches(" (proc-macro)").to_owned();
            features.entry(package).or_default().insert(set.trim_end_matches(" (*)").to_owned());
        }
    }
    assert!(features.len() > 20, "only {features:?}");
    features
}

#[test]
fn no_crate_from_outside_is_compiled_twice() {
    let all = features(&["--workspace"], "normal,build,dev");
    let mut twice = BTreeSet::new();
    for selection in [&["--package=coinpipe"][..], &["--package=xtask"], &["--workspace"]] {
        for (package, sets) in features(selection, "normal,build") {
            let known = all.get(&package).cloned().unwrap_or_default();
            for set in sets.difference(&known) {
                twice.insert(format!("{package} with [{set}] for {}, else with {known:?}", selection[0]));
            }
        }
    }
    assert!(twice.is_empty(), "other features in other builds: {twice:#?}");
}
