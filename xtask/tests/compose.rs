//! The container image and the compose stack fit the programs. Neither docker nor a YAML parser is needed to see that.

mod settings;

use std::collections::BTreeSet;
use std::fs;

use settings::{programs, root, seconds, settings};

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The values of `key:` in `docker-compose.yml`, wherever they are, without quotes.
fn values<'text>(compose: &'text str, key: &str) -> Vec<&'text str> {
    let value = |line: &'text str| line.trim_start().strip_prefix(key)?.strip_prefix(": ");
    compose.lines().filter_map(value).map(|value| value.trim_matches('"')).collect()
}

#[test]
fn every_program_is_in_the_image_and_in_the_stack() {
    let (image, compose) = (text("Dockerfile"), text("docker-compose.yml"));
    let commands: BTreeSet<_> = values(&compose, "command")
        .into_iter()
        .filter_map(|command| command.strip_prefix('[')?.split([',', ']']).next())
        .map(str::to_owned)
        .collect();
    for program in programs() {
        assert!(image.contains(&format!("--package {program}")), "the image is built without {program}");
        let copied = image.lines().find(|line| line.contains("&& cp ")).expect("programs are copied");
        assert!(copied.split(' ').any(|word| word == program), "{program} is left behind in the build");
        assert!(commands.contains(&program), "no service runs {program}");
    }
    let version = env!("CARGO_PKG_VERSION");
    assert!(image.contains(&format!("\nARG VERSION={version}\n")), "the image is not labelled {version}");
}

#[test]
fn what_image_and_stack_set_is_a_setting() {
    let settings = settings();
    for file in ["Dockerfile", "docker-compose.yml", "deploy/compose/setup.sh"] {
        let text = text(file);
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        for name in words.filter(|word| word.starts_with("COINPIPE__")) {
            assert!(settings.contains_key(name), "{file}: there is no setting {name}");
        }
    }
}

#[test]
fn the_stack_waits_longer_than_a_process_drains_and_is_reached_from_this_machine_only() {
    let compose = text("docker-compose.yml");
    let drain = seconds(&settings()["COINPIPE__SHUTDOWN__DRAIN"]);
    for grace in values(&compose, "stop_grace_period") {
        // Closing the queue and the store takes up to 5 s more.
        assert!(seconds(grace) >= drain + 10, "{grace}, and drain is {drain} s");
    }
    for ports in values(&compose, "ports") {
        assert!(ports.starts_with("[\"127.0.0.1:"), "{ports}");
    }
}
