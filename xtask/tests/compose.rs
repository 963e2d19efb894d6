//! The container image and the compose stack fit the programs. Neither docker nor a YAML parser is needed to see that.

mod settings;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

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

/// The next minor version of a server may read its data in another way, or cancel what this one lets be.
#[test]
fn servers_with_data_are_pinned_to_a_minor_version() {
    let compose = text("docker-compose.yml");
    for server in ["rabbitmq", "mysql"] {
        let tag = values(&compose, "image")
            .into_iter()
            .find_map(|image| image.strip_prefix(server)?.strip_prefix(':'));
        let tag = tag.unwrap_or_else(|| panic!("no image of {server}"));
        let numbers: Vec<_> = tag.split('-').next().unwrap_or_default().split('.').collect();
        let is_minor = numbers.len() >= 2 && numbers.iter().all(|number| number.parse::<u32>().is_ok());
        assert!(is_minor, "{server}:{tag} may be another version tomorrow");
    }
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

/// What the stack decides itself. Everything else may be set in `.env`, and would be overlooked there if it were not passed on.
const OF_THE_STACK: [&str; 15] = [
    // Secrets, from files.
    "COINPIPE__QUEUE__URL",
    "COINPIPE__STORE__URL",
    "COINPIPE__FETCH__API_KEY",
    "COINPIPE__MAIL__URL",
    "COINPIPE__HTTP__TOKEN",
    "COINPIPE__HTTP__OPERATOR_TOKEN",
    // For the alerter alone.
    "COINPIPE__ALERT__WEBHOOK",
    "COINPIPE__ALERT__WEBHOOK_SECRET",
    "COINPIPE__ALERT__HEARTBEAT_URL",
    // Where its files and volumes are.
    "COINPIPE__QUEUE__CA_FILE",
    "COINPIPE__FETCH__SPOOL",
    "COINPIPE__FETCH__BASE_URL",
    "COINPIPE__HTTP__LISTEN",
    // For one command of the operator's.
    "COINPIPE__IMPORT__URL",
    // The stack gives its containers 40 s.
    "COINPIPE__SHUTDOWN__DRAIN",
];

#[test]
fn every_other_setting_may_be_given_to_the_stack() {
    let compose = text("docker-compose.yml");
    let block = compose.split("\n\n").find(|block| block.contains("x-settings: &settings"));
    let block = block.expect("there is a list of settings");
    for name in settings().into_keys().filter(|name| !name.ends_with("_FILE")) {
        let is_passed_on = block.lines().any(|line| line.trim() == format!("{name}:"));
        let is_its_own = OF_THE_STACK.contains(&name.as_str());
        assert!(is_passed_on != is_its_own, "{name}: passed on {is_passed_on}, the stack's own {is_its_own}");
    }
}

/// `setup.sh`, with its volumes in `folder`; what it prints.
fn set_up(folder: &Path, arguments: &[&str]) -> String {
    let script = text("deploy/compose/setup.sh").replace("/secrets/", &format!("{}/", folder.display()));
    let mut setup = Command::new("sh");
    setup.args(["-c", &script, "setup.sh"]).args(arguments).env_clear().env("PATH", "/usr/bin:/bin");
    let done = setup.output().expect("there is a shell");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

#[test]
fn the_tokens_of_the_site_are_made_once_and_told_to_whoever_asks() {
    let compose = text("docker-compose.yml");
    let volumes = tempfile::tempdir().expect("a folder");
    let mounted =
        compose.lines().filter_map(|line| line.trim().strip_prefix("- secrets")?.split_once(":/secrets/"));
    for (_, service) in mounted {
        fs::create_dir(volumes.path().join(service)).expect("a folder");
    }
    set_up(volumes.path(), &[]);
    let read = |name: &str| fs::read_to_string(volumes.path().join("alerter").join(name)).expect(name);
    let (token, operator_token) = (read("site-token"), read("site-operator-token"));
    assert!(token.trim().len() >= 16 && token != operator_token, "{token}{operator_token}");
    set_up(volumes.path(), &[]);
    assert_eq!((read("site-token"), read("site-operator-token")), (token.clone(), operator_token.clone()));
    let told = set_up(volumes.path(), &["show"]);
    for part in ["http://127.0.0.1:8080 ", token.trim(), operator_token.trim()] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    for (variable, file) in [("TOKEN_FILE", "site-token"), ("OPERATOR_TOKEN_FILE", "site-operator-token")] {
        let line = format!("COINPIPE__HTTP__{variable}: /run/secrets/{file}");
        assert!(compose.lines().any(|found| found.trim() == line), "{line}");
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
