//! Looking changes nothing: no file, no table, no queue is made by whoever only asks how it is.

use std::path::Path;

use tokio::net::TcpListener;

use crate::place::Servers;
use crate::process::{DEADLINE, Folder, end, signal, until_said};

/// The commands that only look, and whether there being nothing is an answer.
const LOOKING: [(&[&str], i32); 23] = [
    (&["status"], 0),
    (&["status", "--json"], 0),
    (&["top", "--once"], 1),
    (&["batches"], 0),
    (&["batches", "--json", "--incomplete"], 0),
    (&["price", "BTC"], 1),
    (&["price", "1", "--last", "30d", "--json"], 1),
    (&["export", "quotes", "--all", "-"], 1),
    (&["gaps"], 1),
    (&["gaps", "--last", "30d", "--json"], 1),
    (&["dead", "groups", "--json"], 0),
    (&["alerts"], 0),
    (&["alerts", "--json", "--state", "silenced"], 0),
    (&["alerts", "resolve", "nothing", "--why", "x", "--dry-run"], 1),
    (&["dead", "list"], 0),
    (&["dead", "show", "x"], 1),
    (&["dead", "log", "--json"], 0),
    (&["dead", "export", "--all"], 0),
    (&["dead", "replay", "--all", "--dry-run"], 1),
    (&["replay", "--all", "--dry-run"], 1),
    (&["verify", "--last", "7d"], 1),
    (&["backfill", "--from", "2026-11-22", "--dry-run"], 1),
    (&["config"], 0),
];

/// Whether `args` have an answer where there are tables: the commands `named`, and a replay of no letters.
fn is_answered(args: &[&str], named: &[&str]) -> bool {
    named.contains(&args[0]) || args.starts_with(&["dead", "replay"])
}

/// Every file below `folder`, with its size and when it was changed.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let about = path.metadata().expect("it is there");
        found.push(format!("{} {} {:?}", path.display(), about.len(), about.modified().expect("a time")));
        if path.is_dir() {
            found.extend(files(&path));
        }
    }
    found.sort_unstable();
    found
}

#[tokio::test]
async fn an_empty_folder_stays_empty_and_is_told_of() {
    let folder = Folder::new();
    for (args, code) in LOOKING {
        folder.run(args, &[]).await.expect(code);
        assert_eq!(files(folder.0.path()), [""; 0], "after {args:?}");
    }
    let status = folder.run(&["status"], &[]).await.expect(0);
    assert!(
        status.stdout.contains("nothing is in ") && status.stdout.contains("coinpipe.db yet"),
        "{}",
        status.stdout
    );
    for args in [&["batches"][..], &["gaps"], &["dead", "groups"], &["dead", "list"], &["replay", "--all"]] {
        let looked = folder.run(args, &[]).await;
        assert!(
            looked.stderr.contains("nothing is in ")
                && looked.stderr.contains("yet; `coinpipe --once` takes a first snapshot"),
            "{args:?}: {}",
            looked.stderr
        );
        assert_eq!(looked.code, Some(i32::from(["replay", "gaps"].contains(&args[0]))), "{args:?}");
        assert_eq!(files(folder.0.path()), [""; 0], "after {args:?}");
    }
    let status = folder.status().await;
    assert_eq!(status["tables"]["quotes_latest"], 0);
    assert_eq!(status["queues"]["raw"]["ready"], 0);
    assert_eq!(status["batches"], serde_json::json!([]));
    let check = folder.run(&["check"], &[]).await.expect(0);
    for line in ["ok      queue   ", "ok      store   "] {
        let line = check.stdout.lines().find(|shown| shown.starts_with(line));
        let is_told = line.is_some_and(|line| line.ends_with("coinpipe.db: not there yet, will be made"));
        assert!(is_told, "{}", check.stdout);
    }
    std::fs::write(folder.0.path().join("page.json"), crate::market::body(0)).expect("a file");
    let before = files(folder.0.path());
    let listed = folder.run(&["replay", "--files", "page.json", "--dry-run"], &[]).await.expect(0);
    assert!(listed.stdout.contains("not in the ledger"), "{}", listed.stdout);
    assert_eq!(files(folder.0.path()), before);

    let nowhere = [("COINPIPE__STORE__URL", "sqlite://missing/c.db")];
    let check = folder.run(&["check"], &nowhere).await.expect(1);
    assert!(
        check.stdout.contains("failed  store") && check.stdout.contains("no directory"),
        "{}",
        check.stdout
    );
}

#[tokio::test]
async fn what_is_there_is_seen_while_coinpipe_runs_and_after_and_not_touched() {
    let folder = Folder::new();
    let env = [("COINPIPE__FETCH__LIMIT", "50")];
    let mut child = folder.command("coinpipe", &["run"], &env).spawn().expect("it starts");
    until_said(&mut child, "loaded chunk").await;
    // What was committed is only in the journal yet.
    let status = folder.status().await;
    assert_eq!(status["tables"]["quotes_latest"], 50, "{status:#}");
    signal(&child, "TERM").await;
    assert_eq!(end(child).await, Some(0));

    let before = files(folder.0.path());
    for (args, code) in LOOKING {
        let code = if is_answered(args, &["backfill", "export", "gaps", "price", "replay", "top", "verify"]) {
            0
        } else {
            code
        };
        folder.run(args, &env).await.expect(code);
        assert_eq!(files(folder.0.path()), before, "after {args:?}");
    }
    let check = folder.run(&["check"], &env).await.expect(0);
    assert_eq!(files(folder.0.path()), before, "{}", check.stdout);
    assert_eq!(folder.status().await["tables"]["quotes_latest"], 50);
}

#[tokio::test]
async fn migrate_says_what_it_made() {
    let folder = Folder::new();
    let first = folder.run(&["migrate"], &[]).await.expect(0).stdout;
    for part in ["coinpipe.db: made queue, leader", "coinpipe.db: made quotes, ledger, dead letters, replays"]
    {
        assert!(first.contains(part), "{first}");
    }
    let again = folder.run(&["migrate"], &[]).await.expect(0).stdout;
    assert_eq!(again.matches("nothing to do").count(), 2, "{again}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_with_nothing_on_them_stay_so_and_are_told_of() {
    let Some(Servers { broker, database }) = Servers::start().await else { return };
    let (queue, store) = (broker.url(), database.url());
    let env = [("COINPIPE__QUEUE__URL", queue.as_str()), ("COINPIPE__STORE__URL", store.as_str())];
    let state = || {
        let queues = broker.ctl(&["-q", "list_queues", "name", "arguments"]).expect("queues");
        let exchanges = broker.ctl(&["-q", "list_exchanges", "name"]).expect("exchanges");
        let ours = queues.lines().chain(exchanges.lines()).filter(|line| line.contains("coinpipe"));
        let mut ours: Vec<_> = ours.map(str::to_owned).collect();
        ours.sort_unstable();
        (ours, database.query("SHOW TABLES").expect("tables"))
    };
    let folder = Folder::new();
    let empty = state();
    assert_eq!(empty.0, [""; 0]);
    for (args, code) in LOOKING {
        folder.run(args, &env).await.expect(code);
    }
    let status = folder.run(&["status"], &env).await.expect(0);
    assert_eq!(status.stdout.matches("nothing is in ").count(), 2, "{}", status.stdout);
    let check = folder.run(&["check"], &env).await.expect(0);
    assert_eq!(check.stdout.matches("not there yet, will be made").count(), 2, "{}", check.stdout);
    assert_eq!(state(), empty);

    let migrate = folder.run(&["migrate"], &env).await.expect(0).stdout;
    for part in ["coinpipe.raw", "coinpipe.raw.archive", "coinpipe.rows.retry.60s", "made quotes, ledger"] {
        assert!(migrate.contains(part), "{part} is not in:\n{migrate}");
    }
    let again = folder.run(&["migrate"], &env).await.expect(0).stdout;
    assert_eq!(again.matches("nothing to do").count(), 2, "{again}");

    // What this configuration would make beside it is not there, and is not needed for looking.
    let made = state();
    let others = [env[0], env[1], ("COINPIPE__RETRY__DELAYS", "7s"), ("COINPIPE__QUEUE__MAX_SIZE", "1MiB")];
    for (args, code) in LOOKING {
        let code = if is_answered(args, &["export", "gaps", "replay", "top", "verify"]) { 0 } else { code };
        folder.run(args, &others).await.expect(code);
    }
    // Queues that exist cannot change: that is told before work begins, and by the workers alike.
    let check = folder.run(&["check"], &others).await.expect(1);
    let mut worker = folder.command("loader", &[], &others);
    let worker = tokio::time::timeout(DEADLINE, worker.output()).await.expect("it ends").expect("it ran");
    assert_eq!(worker.status.code(), Some(1));
    let worker = String::from_utf8_lossy(&[worker.stdout, worker.stderr].concat()).into_owned();
    let differs = "cannot declare queue coinpipe.raw: it exists with x-max-length-bytes = 4294967296, and the configuration asks \
                   for 1048576 (queue.max_size); change the setting back";
    for said in [check.stdout, worker] {
        assert!(said.contains(differs), "{differs} is not in:\n{said}");
    }
    assert_eq!(state(), made);

    let newest = std::fs::read_dir("../migrations/mysql").expect("the steps").count();
    // With what the newest step makes.
    let forget = format!(
        "DROP TABLE processes; DROP INDEX batches_by_fetch ON batches; DELETE FROM store_migrations WHERE version = {newest}"
    );
    database.query(&forget).expect("an older schema");
    let older = folder.run(&["status"], &env).await.expect(1);
    assert!(older.stderr.contains("older") && older.stderr.contains("coinpipe migrate"), "{}", older.stderr);
    let steps = database.query("SELECT count(*) FROM coinpipe.store_migrations").expect("the steps");
    assert_eq!(steps.trim(), (newest - 1).to_string());
    assert_eq!(files(folder.0.path()), [""; 0]);
}

/// Ctrl-C is heard while a server does not answer.
#[tokio::test]
async fn a_command_that_waits_for_a_server_ends_when_it_is_asked_to() {
    for args in [
        &["status"][..],
        &["check"],
        &["batches"],
        &["gaps"],
        &["dead", "list"],
        &["migrate"],
        &["replay", "--all"],
        &["replay", "--all", "--dry-run"],
        &["verify"],
        &["verify", "--repair"],
        &["archive", "export", "--all", "pages"],
        &["--once"],
        &["import", "legacy", "--table", "coins"],
    ] {
        let (code, said) = interrupted(args).await;
        assert_eq!(code, Some(1), "{args:?}: {said}");
        assert!(said.contains("stopped before it was done"), "{args:?}: {said}");
    }
}

/// The pipeline has nothing in flight yet, so it ends with code 0.
#[tokio::test]
async fn a_pipeline_that_waits_for_a_server_at_its_start_ends_when_it_is_asked_to() {
    let (code, said) = interrupted(&[]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("running all stages"), "{said}");
}

/// `coinpipe` with these arguments, interrupted once it waits for servers that do not answer: its exit code, and what it said.
async fn interrupted(args: &[&str]) -> (Option<i32>, String) {
    let mute = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let place = mute.local_addr().expect("an address");
    let (queue, store) = (format!("amqp://me:x@{place}"), format!("mysql://me:x@{place}/coins"));
    let env = [("COINPIPE__QUEUE__URL", queue.as_str()), ("COINPIPE__STORE__URL", store.as_str())];
    let folder = Folder::new();
    let child = folder.command("coinpipe", args, &env).spawn().expect("it starts");
    let (_held, _) =
        tokio::time::timeout(DEADLINE, mute.accept()).await.expect("it comes").expect("a client");
    signal(&child, "INT").await;
    let output =
        tokio::time::timeout(DEADLINE, child.wait_with_output()).await.expect("it ends").expect("it ran");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}
