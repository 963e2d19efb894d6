//! Every command and every setting that the README and the documentation name is there and works, and every link leads
//! somewhere.
//!
//! Blocks of `sh` and `console` are run as they stand, page by page, each page on a [`Machine`](machine::Machine) of its own.
//! There, coinpipe's programs are real; `calls::NOT_RUN` lists the programs that are not, and how what is asked of them is
//! looked at. Commands within the text are looked at in the same way, and not run. Blocks of `sql` are run by the stores' tests
//! (`sqlkit::contract::snapshot`).

mod calls;
mod flags;
mod machine;
mod pages;
mod programs;
mod settings;

use calls::NOT_RUN;
use machine::Machine;
use pages::{Page, all, pages};
use programs::OURS;

/// Pages whose commands need RabbitMQ or MySQL.
const ON_SERVERS: [&str; 2] = ["docs/distributed.md", "docs/import.md"];

/// Words between backticks that begin like a command and are none: spans of traces, and what a log says.
const NOT_COMMANDS: [&str; 6] =
    ["commit", "fetch listings", "process dead", "process raw", "process rows", "publish raw"];

/// Before a page: its script ends at the first command that fails, and what is shown is all in one place.
const BEFORE: &str = r#"
set -Eeuo pipefail
exec 2>&1
trap 'echo "failed: $BASH_COMMAND"' ERR
# Workers in the background get on with it before the next block comes.
settle() {
    [ -z "$(jobs -pr)" ] || until coinpipe batches --json | grep -q '"complete": *true'; do sleep 0.1; done
}
"#;

/// After a page: what it began in the background, it ended.
const AFTER: &str = "\nfor pid in $(jobs -p); do wait $pid; done\n";

/// The commands of its blocks as one script, and the lines that it promises to show.
fn script(page: &Page) -> (String, Vec<String>) {
    let (mut script, mut promised) = (String::new(), Vec::new());
    for block in page.blocks() {
        match block.language.as_str() {
            "sh" => script.extend([&block.text, "\nsettle\n"]),
            "console" => {
                for line in block.text.lines() {
                    match line.strip_prefix("$ ") {
                        Some(command) => script.extend([command, "\nsettle\n"]),
                        None => promised.push(line.to_owned()),
                    }
                }
            }
            "sql" => {
                let is_run = ["README.md", "docs/tables.md"].contains(&page.name.as_str());
                assert!(is_run, "{}: no test runs this SQL:\n{}", page.name, block.text);
            }
            // Pictures.
            "" => {
                let programs = OURS.iter().chain(NOT_RUN.iter().map(|(name, _)| name));
                let first = block.text.split_whitespace().next();
                assert!(
                    programs.into_iter().all(|&name| first != Some(name)),
                    "{}:\n{}",
                    page.name,
                    block.text
                );
            }
            other => panic!("{}: nobody knows what to do with a block of {other:?}", page.name),
        }
    }
    (script, promised)
}

/// Runs what a page says, `prepared` by commands that its reader has given before.
fn try_out(page: &Page, machine: &Machine, prepared: &str) {
    let (script, promised) = script(page);
    let (said, calls) = machine.run(&format!("{BEFORE}\n{prepared}\n{script}\n{AFTER}"));
    let wrong: Vec<_> = calls.iter().filter_map(|call| call.look().err()).collect();
    assert!(wrong.is_empty(), "{}: {wrong:#?}\n{said}", page.name);
    for line in promised {
        let words = words(&line);
        let is_shown = said.lines().any(|said| words.iter().all(|word| said.contains(word)));
        assert!(is_shown, "{} promises a line with {words:?}, and this came:\n{said}", page.name);
    }
}

/// Of a line that is shown, what is the same tomorrow, and in another folder.
fn words(line: &str) -> Vec<&str> {
    let words = line.split(' ').filter(|word| !word.contains('/'));
    let words = words.map(|word| word.trim_matches(|letter: char| !letter.is_ascii_alphabetic()));
    words.filter(|word| word.len() > 3 || (word.len() > 2 && *word == word.to_uppercase())).collect()
}

#[test]
fn the_commands_of_blocks_run_as_they_stand() {
    let pages = pages().into_iter().filter(|page| !ON_SERVERS.contains(&page.name.as_str()));
    for page in pages.filter(|page| !script(page).0.is_empty()) {
        let machine = Machine::new(&page.name);
        let prepared = match page.name.as_str() {
            "docs/replay.md" | "docs/operating.md" => "coinpipe --once",
            "deploy/systemd/README.md" => {
                for secret in ["queue-url", "store-url"] {
                    machine.write(&format!("etc/coinpipe/secrets/{secret}"), "sqlite://elsewhere.db");
                }
                ""
            }
            _ => "",
        };
        let mail = lab::MailServer::start(std::time::Duration::ZERO).expect("a mail server");
        let machine = machine.means("smtps://user:password@mail.example.com", &mail.url());
        try_out(&page, &machine, prepared);
    }
}

#[test]
fn private_servers_run_the_commands_that_need_them() {
    let Some(broker) = lab::RabbitMq::start_or_skip() else { return };
    let Some(database) = lab::MySql::start_or_skip() else { return };
    for statement in [
        "CREATE DATABASE crypto",
        "CREATE TABLE crypto.prices (coin VARCHAR(20), price_usd DOUBLE, last_updated DATETIME)",
        "INSERT INTO crypto.prices VALUES ('VLMO', 48213.7, '2024-05-01 10:00:00')",
    ] {
        database.query(statement).expect("it is made");
    }
    let (queue, store) = (broker.url(), database.url());
    let script = store.replace("/coinpipe", "/crypto");
    for page in pages().into_iter().filter(|page| ON_SERVERS.contains(&page.name.as_str())) {
        let machine = Machine::new(&page.name)
            .means("amqp://user:password@rabbit.example.com/%2f", &queue)
            .means("mysql://user:password@db.example.com/coinpipe", &store)
            .means("mysql://user:password@db.example.com/crypto", &script);
        machine.write(
            "services",
            &format!("export COINPIPE_TEST_AMQP_URL='{queue}' COINPIPE_TEST_MYSQL_URL='{store}'\n"),
        );
        let is_import = page.name == "docs/import.md";
        try_out(&page, &machine, if is_import { "CMC_API_KEY=your-key coinpipe --once" } else { "" });
    }
}

#[test]
fn the_commands_within_the_text_are_understood() {
    let machine = Machine::new("text");
    let known: Vec<_> =
        OURS.iter().chain(NOT_RUN.iter().map(|(name, _)| name)).chain(&["eval", "sudo"]).collect();
    let (mut commands, mut wrong) = (Vec::new(), Vec::new());
    for page in pages() {
        for span in page.spans() {
            let mut words = span.split(' ').skip_while(|word| word.contains('='));
            let Some(first) = words.next() else { continue };
            let is_known = known.iter().any(|&&name| name == first);
            if is_known && words.next().is_some() {
                commands.push((page.name.clone(), span));
            } else if span.starts_with("--") {
                if !flags::are_known(&span) {
                    wrong.push(format!("{}: {span}: no program has that option", page.name));
                }
            } else if !is_known && is_like_a_command(&span) {
                wrong.push(format!("{}: {span}: is that a command?", page.name));
            }
        }
    }
    assert!(commands.len() > 50, "where are they all? {commands:?}");
    for (page, command) in commands {
        let (_, calls) = machine.run(&format!("set -e; export MACHINE_ONLY_NOTES=yes; {command}"));
        assert!(!calls.is_empty(), "{page}: {command}: nobody was asked");
        wrong.extend(calls.iter().filter_map(|call| call.look().err()).map(|why| format!("{page}: {why}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Several words, of which the first could be a program's name.
fn is_like_a_command(span: &str) -> bool {
    let (first, rest) = span.split_once(' ').unwrap_or((span, ""));
    if span.contains('→') {
        return false;
    }
    let is_name = first.chars().all(|letter| letter.is_ascii_lowercase() || "-_.".contains(letter));
    is_name && !rest.is_empty() && !rest.starts_with(['=', '<']) && !NOT_COMMANDS.contains(&span)
}

#[test]
fn links_lead_somewhere() {
    let broken: Vec<_> = all()
        .iter()
        .flat_map(|page| page.links().into_iter().filter_map(|link| page.broken(&link)).collect::<Vec<_>>())
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
