//! The options that our programs have, as their help says.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use crate::programs::{OURS, built};

/// Options of docker compose that the text names.
const OF_OTHERS: [&str; 1] = ["--scale"];

static OURS_HAVE: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut flags = BTreeSet::new();
    for program in OURS {
        collect(&built().join(program), &[], &mut flags);
    }
    collect(Path::new(env!("CARGO_BIN_EXE_xtask")), &[], &mut flags);
    flags
});

/// Whether each option in `span` is one of a program of ours.
pub(crate) fn are_known(span: &str) -> bool {
    let mut flags = span.split(' ').filter(|word| word.starts_with("--"));
    flags.all(|flag| OF_OTHERS.contains(&flag) || OURS_HAVE.contains(flag))
}

/// The options of `program` and of all its commands below `commands`.
fn collect(program: &Path, commands: &[&str], flags: &mut BTreeSet<String>) {
    let output = Command::new(program).args(commands).arg("--help").output().expect("it runs");
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = help.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    flags.extend(words.filter(|word| word.starts_with("--")).map(str::to_owned));
    let below = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    for line in below.lines().take_while(|line| !line.is_empty()) {
        if let Some(command) = line.split_whitespace().next().filter(|&command| command != "help") {
            collect(program, &[commands, &[command]].concat(), flags);
        }
    }
}
