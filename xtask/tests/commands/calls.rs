//! What documented commands ask of programs: those that a test cannot run are looked at instead, as well as can be done.

use std::fs;
use std::process::Command;

use crate::pages::root;
use crate::programs::{OURS, built};

/// What was asked of a program: its name, then its arguments.
pub(crate) struct Call(Vec<String>);

/// Why a call cannot be meant.
type Wrong = String;

/// How the arguments of a program are looked at.
#[derive(Clone, Copy)]
pub(crate) enum Look {
    /// By code of its own.
    By(fn(&[&str]) -> Result<(), Wrong>),
    /// Its commands, where it has any, and its options: no others may stand in a page.
    Words(&'static [&'static str], &'static [&'static str]),
}

/// The programs that commands of ours name and that are not run, with how their arguments are looked at instead. A
/// program that is neither here nor one of ours fails the test.
pub(crate) const NOT_RUN: [(&str, Look); 12] = [
    // Would build, which the tests before this one did, or begin the tests anew. `cargo run --` is one of ours.
    ("cargo", Look::By(cargo)),
    // Needs a daemon: services, profiles and what coinpipe is asked in a container are looked at.
    ("docker", Look::By(docker)),
    // Needs a machine to install on: the units are looked at.
    ("systemctl", Look::By(systemctl)),
    // For the systems around coinpipe. Who writes a new word of theirs into a page tries it, and adds it here.
    ("apt-get", Look::Words(&["install"], &[])),
    ("journalctl", Look::Words(&[], &["-u"])),
    (
        "mysqldump",
        Look::Words(
            &[],
            &["--databases", "--defaults-extra-file", "--set-gtid-purged", "--single-transaction"],
        ),
    ),
    ("rabbitmq-queues", Look::Words(&["grow"], &[])),
    ("rabbitmq-streams", Look::Words(&["add_replica"], &[])),
    (
        "rabbitmqctl",
        Look::Words(
            &["add_user", "change_password", "delete_queue", "delete_user", "set_permissions", "set_policy"],
            &["--apply-to", "--if-empty", "-p"],
        ),
    ),
    ("sqlite3", Look::Words(&[], &[".backup"])),
    ("systemd-analyze", Look::Words(&["security"], &[])),
    ("systemd-sysusers", Look::Words(&[], &[])),
];

impl Call {
    /// A line of the list that the stand-ins write.
    pub(crate) fn read(line: &str) -> Self {
        Self(line.split_terminator('\x1f').map(str::to_owned).collect())
    }

    /// Whether the program would understand it.
    pub(crate) fn look(&self) -> Result<(), Wrong> {
        let words: Vec<_> = self.0.iter().map(String::as_str).collect();
        let [program, arguments @ ..] = &words[..] else { return Err("no program".to_owned()) };
        if OURS.contains(program) {
            return understood(program, arguments);
        }
        match NOT_RUN.iter().find(|(name, _)| name == program) {
            Some((_, Look::By(look))) => look(arguments),
            Some((_, Look::Words(commands, options))) => known(arguments, commands, options),
            // A program of ours that was run, and failed.
            None => Err(words.join(" ")),
        }
        .map_err(|wrong| format!("{}: {wrong}", words.join(" ")))
    }
}

/// Whether a program of ours takes these arguments, without doing it: where a setting is wrong, that is what it complains
/// about, unless it did not understand the arguments, which it reads first.
fn understood(program: &str, arguments: &[&str]) -> Result<(), Wrong> {
    let output = Command::new(built().join(program))
        .args(arguments)
        .env_clear()
        .env("COINPIPE__FETCH__EVERY", "wrong on purpose")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let asks_only = arguments.iter().any(|argument| ["--help", "--version"].contains(argument));
    // Within a text a command may go by its name alone.
    let is_name = arguments.iter().all(|argument| !argument.starts_with('-'));
    let lacks_more =
        is_name && (said.contains("required arguments were not") || said.contains("\nCommands:\n"));
    let is_understood =
        if asks_only { output.status.success() } else { lacks_more || said.contains("fetch.every") };
    if is_understood { Ok(()) } else { Err(format!("{program} does not understand it: {said}")) }
}

/// Whether all commands and options are among these. A command of sqlite3's begins with a point.
fn known(arguments: &[&str], commands: &[&str], options: &[&str]) -> Result<(), Wrong> {
    let is_option = |word: &&&str| word.starts_with(['-', '.']);
    let command = arguments.first().filter(|word| !commands.is_empty() && !is_option(word));
    let unknown_command = command.filter(|word| !commands.contains(word));
    let bare = |word: &str| word.split([' ', '=']).next().unwrap_or_default().to_owned();
    let unknown_option =
        arguments.iter().filter(is_option).find(|word| !options.contains(&bare(word).as_str()));
    unknown_command.or(unknown_option).map_or(Ok(()), |word| Err(format!("what is {word}?")))
}

fn cargo(arguments: &[&str]) -> Result<(), Wrong> {
    const FLAGS: [&str; 13] = [
        "--all-targets",
        "--bins",
        "--features",
        "--locked",
        "--no-run",
        "--path",
        "--release",
        "--timings",
        "--workspace",
        "-D",
        "-p",
        "--",
        "warnings",
    ];
    match arguments {
        ["run"] => understood("coinpipe", &[]),
        ["run", "--", arguments @ ..] => understood("coinpipe", arguments),
        // `--help` after it: it is understood, and not done.
        ["xtask", arguments @ ..] => {
            let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).arg("--help").output();
            let output = output.expect("it runs");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.success() { Ok(()) } else { Err(said) }
        }
        ["nextest", "run", rest @ ..] | ["build" | "clippy" | "fmt" | "install" | "test", rest @ ..] => {
            let is_package = |word: &str| {
                let places = ["", "bins", "shared", "tests"].map(|folder| root().join(folder).join(word));
                places.iter().any(|place| place.join("Cargo.toml").exists())
            };
            // The only package that is built with one.
            let manifest = fs::read_to_string(root().join("bins/coinpipe/Cargo.toml")).expect("a package");
            let is_feature = |word: &str| manifest.contains(&format!("\n{word} = ["));
            let is_known = |word: &str| FLAGS.contains(&word) || is_package(word) || is_feature(word);
            let unknown = rest.iter().find(|word| !is_known(word));
            unknown.map_or(Ok(()), |word| Err(format!("what is {word}?")))
        }
        _ => Err("no such command of cargo is known here".to_owned()),
    }
}

fn docker(arguments: &[&str]) -> Result<(), Wrong> {
    match arguments {
        ["compose", rest @ ..] => compose(rest),
        ["build", "."] | ["kill"] => Ok(()),
        _ => Err("no such command of docker is known here".to_owned()),
    }
}

fn compose(arguments: &[&str]) -> Result<(), Wrong> {
    let file = fs::read_to_string(root().join("docker-compose.yml")).expect("the stack is there");
    let service = |name: &str| {
        let is_there = file.split("\nservices:\n").nth(1).is_some_and(|services| {
            services.lines().take_while(|line| !line.starts_with("networks:")).any(|line| {
                line.strip_prefix("  ")
                    .and_then(|line| line.split_once(':'))
                    .is_some_and(|(it, _)| it == name)
            })
        });
        if is_there { Ok(()) } else { Err(format!("there is no service {name}")) }
    };
    let services = |names: &[&str]| names.iter().try_for_each(|name| service(name));
    match arguments {
        ["--profile", profile, rest @ ..] => {
            let is_there = file.contains(&format!("profiles: [{profile}]"));
            if is_there { compose(rest) } else { Err(format!("there is no profile {profile}")) }
        }
        ["up" | "down" | "config"] | ["down", "-v"] | ["run", "setup", "show"] => Ok(()),
        ["up", "-d" | "--build", rest @ ..] => compose(&[&["up"], rest].concat()),
        ["up", "--scale", pair, rest @ ..] => {
            service(pair.split('=').next().unwrap_or_default())?;
            compose(&[&["up"], rest].concat())
        }
        ["restart" | "logs", names @ ..] => services(names),
        ["exec", "-T", name, rest @ ..] => {
            service(name)?;
            match rest {
                // Its program is in the image of the service.
                [program, ..] if NOT_RUN.iter().any(|(known, _)| known == program) => {
                    Call(rest.iter().map(|&word| word.to_owned()).collect()).look()
                }
                _ => Ok(()),
            }
        }
        ["run", "--rm", rest @ ..] | ["run", "--user" | "-v", _, rest @ ..] => {
            compose(&[&["run"], rest].concat())
        }
        ["run", "coinpipe", rest @ ..] => understood("coinpipe", rest),
        _ => Err("no such command of docker compose is known here".to_owned()),
    }
}

fn systemctl(arguments: &[&str]) -> Result<(), Wrong> {
    let names: Vec<_> = match arguments {
        ["enable", "--now", names @ ..] | ["restart" | "edit" | "status", names @ ..] => names.to_vec(),
        ["daemon-reload"] => Vec::new(),
        _ => return Err("no such command of systemctl is known here".to_owned()),
    };
    for name in names {
        let unit = match name.split_once('@') {
            Some((template, _)) => format!("{template}@"),
            None => name.trim_end_matches('*').to_owned(),
        };
        if !root().join(format!("deploy/systemd/{unit}.service")).exists() {
            return Err(format!("there is no unit {name}"));
        }
    }
    Ok(())
}

#[test]
fn what_cannot_be_meant_is_found() {
    let look = |call: &str| Call(call.split(' ').map(str::to_owned).collect()).look();
    for right in [
        "rabbitmqctl",
        "coinpipe replay --last 48h --dry-run",
        "coinpipe dead",
        "coinpipe replay",
        "coinpipe import legacy --help",
        "loader --version",
        "cargo run -- --once",
        "cargo xtask test --no-services",
        "cargo clippy -p loader --all-targets",
        "docker compose up -d --scale loader=3 --build",
        "docker compose run --rm -v a:b coinpipe archive export --last 24h /pages",
        "systemctl enable --now coinpipe-fetcher coinpipe-loader@2",
    ] {
        assert_eq!(look(right), Ok(()), "{right}");
    }
    for wrong in [
        "coinpipe replay --rebuild",
        "coinpipe replay --last 48h --dry",
        "coinpipe dead shw ID",
        "loader status",
        "cargo run -- --twice",
        "cargo xtask tests",
        "cargo build -p nothing",
        "docker compose up --scale worker=3",
        "docker compose run --rm coinpipe stats",
        "docker compose --profile nothing up",
        "systemctl restart coinpipe-mailer",
        "curl http://127.0.0.1:9464/livez",
    ] {
        assert!(look(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_slip_in_a_word_of_another_program_is_found() {
    let look = |call: &str| Call(call.split(' ').map(str::to_owned).collect()).look();
    for right in [
        "sqlite3 coinpipe.db",
        "rabbitmqctl",
        "rabbitmqctl set_permissions -p VHOST USER a b c",
        "docker compose exec -T mysql mysqldump --defaults-extra-file=root.cnf --databases coinpipe",
    ] {
        assert_eq!(look(right), Ok(()), "{right}");
    }
    for wrong in [
        "sqlite3 coinpipe.db .backp",
        "mysqldump --single-transactions --databases coinpipe",
        "docker compose exec -T mysql mysqldump --all",
        "rabbitmqctl add_usr",
        "rabbitmqctl set_policy a b c --apply-on queues",
        "nobody --knows --me",
    ] {
        assert!(look(wrong).is_err(), "{wrong}");
    }
}
