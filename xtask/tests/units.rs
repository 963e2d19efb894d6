//! The systemd units fit the programs and each other. `systemd-analyze verify` knows nothing of either.

mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use settings::{programs, root, seconds, settings};

const COMMON: &str = "\n# The user, its folder";

/// Name and text of each.
fn units() -> Vec<(String, String)> {
    let folder = fs::read_dir(root().join("deploy/systemd")).expect("the folder of the units is there");
    let files = folder.map(|entry| entry.expect("an entry can be read").path());
    let units = files.filter(|file| file.extension().is_some_and(|extension| extension == "service"));
    units
        .map(|file| {
            let name = file.file_name().expect("a file has a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&file).expect("a unit is text"))
        })
        .collect()
}

fn values<'text>(unit: &'text str, key: &str) -> Vec<&'text str> {
    unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

#[test]
fn every_program_has_its_unit() {
    let started: BTreeSet<_> = units()
        .iter()
        .flat_map(|(_, unit)| values(unit, "ExecStart").into_iter().map(str::to_owned).collect::<Vec<_>>())
        .map(|start| {
            let (program, arguments) = start.split_once(' ').expect("a program is given its configuration");
            assert_eq!(arguments, "--config /etc/coinpipe/coinpipe.toml");
            program.strip_prefix("/usr/local/bin/").expect("cargo install --root /usr/local").to_owned()
        })
        .collect();
    assert_eq!(started, programs());
}

#[test]
fn units_differ_only_above_the_common_part() {
    let units = units();
    let common = |unit: &str| unit.find(COMMON).map(|at| unit[at..].to_owned());
    let (first_name, first) = &units[0];
    let expected = common(first).unwrap_or_else(|| panic!("{first_name} has no common part"));
    for (name, unit) in &units {
        assert!(
            common(unit).as_ref() == Some(&expected),
            "{name} and {first_name} differ in their common part"
        );
    }
}

#[test]
fn what_the_units_set_is_a_setting_and_every_credential_is_used() {
    let settings = settings();
    for (name, unit) in units() {
        let environment: BTreeMap<_, _> = values(&unit, "Environment")
            .into_iter()
            .map(|pair| pair.split_once('=').expect("a variable has a value"))
            .collect();
        for variable in environment.keys() {
            assert!(settings.contains_key(*variable), "{name}: there is no setting {variable}");
        }
        let mut files: BTreeSet<_> =
            environment.values().filter_map(|value| value.strip_prefix("%d/")).collect();
        for credential in values(&unit, "LoadCredential") {
            let (id, path) = credential.split_once(':').expect("a credential has a path");
            assert_eq!(path, format!("/etc/coinpipe/secrets/{id}"), "{name}");
            assert!(files.remove(id), "{name}: no setting reads the credential {id}");
        }
        assert!(files.is_empty(), "{name}: no credential for {files:?}");
    }
}

/// A secret that no unit hands over has to be in the settings, which everybody on the machine can read.
#[test]
fn every_secret_is_handed_over_by_a_unit() {
    let units = units();
    // Certificates are no secrets, and an import is a command that somebody types.
    let no_unit_s = ["COINPIPE__QUEUE__CA_FILE", "COINPIPE__IMPORT__URL_FILE"];
    for name in settings().into_keys().filter(|name| name.ends_with("_FILE")) {
        let is_handed_over =
            units.iter().any(|(_, unit)| unit.contains(&format!("\nEnvironment={name}=%d/")));
        assert!(is_handed_over != no_unit_s.contains(&name.as_str()), "{name}: handed over {is_handed_over}");
    }
}

#[test]
fn systemd_waits_longer_than_a_process_drains() {
    let settings = settings();
    let drain = seconds(&settings["COINPIPE__SHUTDOWN__DRAIN"]);
    for (name, unit) in units() {
        let stop = values(&unit, "TimeoutStopSec");
        // Closing the queue and the store takes up to 5 s more.
        assert!(
            stop.len() == 1 && seconds(stop[0]) >= drain + 10,
            "{name}: {stop:?}, and drain is {drain} s"
        );
    }
}
