//! What a user can get wrong: each program names it, says what to do, and touches nothing.

use crate::market;
use crate::process::{DEADLINE, Folder};
use crate::programs::Simulate;

#[tokio::test]
async fn bad_configuration_exits_2_names_the_key_and_touches_nothing() {
    let folder = Folder::new();
    for (args, env, part) in [
        (&["--once"][..], ("COINPIPE__FETCH__EVRY", "1h"), "COINPIPE__FETCH__EVRY"),
        (&["run"], ("COINPIPE__FETCH__LIMIT", "lots"), "fetch.limit"),
        (&["check"], ("COINPIPE__LOG__LEVEL", "inof"), "log.level"),
        (&["run"], ("COINPIPE__MAIL__URL", "log:"), "mail.to"),
        (&["check"], ("COINPIPE__MAIL__URL", "log:"), "mail.to"),
        (&["check"], ("COINPIPE__MAIL__TO", "you@example.com"), "mail.url"),
        (&["--once"], ("COINPIPE_FETCH__EVERY", "1h"), "COINPIPE__FETCH__EVERY"),
        (&["--once"], ("COINPIPE__FETCH__BASE_URL", "https://user@x.example"), "fetch.base_url"),
        (&["--once"], ("COINPIPE__QUEUE__URL", "sqlite://x.db?mode=ro"), "queue.url"),
        (&["check"], ("COINPIPE__FETCH__BASE_URL", "https://x.example/v1"), "fetch.base_url"),
        (&["check"], ("CMC_API_KEY", "CMC_API_KEY=b54bcf4d-1bca-4e8e-9a24"), "fetch.api_key"),
        (&["check"], ("CMC_API_KEY", "e"), "fetch.api_key"),
        (&["run"], ("COINPIPE_FAILPOINT", "nonsense"), "COINPIPE_FAILPOINT"),
        (&["--config", "missing.toml"], ("X", "y"), "missing.toml"),
        (&["frobnicate"], ("X", "y"), "frobnicate"),
    ] {
        let ended = folder.run(args, &[env]).await.expect(2);
        assert!(ended.stderr.contains(part), "{part} is not in:\n{}", ended.stderr);
    }
    let left: Vec<_> = std::fs::read_dir(folder.0.path()).expect("the folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_key_does_not_leave_this_machine_unencrypted() {
    let folder = Folder::new();
    let env = [("COINPIPE__FETCH__BASE_URL", "http://api.example"), ("CMC_API_KEY", "hunter2")];
    let ended = folder.run(&["--once"], &env).await.expect(2);
    assert!(ended.stderr.contains("https") && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
    assert!(!folder.0.path().join("coinpipe.db").exists());
}

#[tokio::test]
async fn every_stage_binary_refuses_bad_configuration_too() {
    let folder = Folder::new();
    for name in ["fetcher", "transformer", "loader", "alerter"] {
        let mut command = folder.command(name, &[], &[("COINPIPE__QUEUE__LEASE", "soon")]);
        let output =
            tokio::time::timeout(DEADLINE, command.output()).await.expect("it ends").expect("it ran");
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("queue.lease"), "{name}");
    }
}

#[tokio::test]
async fn a_setting_that_is_no_text_is_a_mistake_and_not_overlooked() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let mut command = folder.command("coinpipe", &["--once"], &[]);
    command.env("CMC_API_KEY", std::ffi::OsStr::from_bytes(b"\xff"));
    let output = tokio::time::timeout(DEADLINE, command.output()).await.expect("it ends").expect("it ran");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("CMC_API_KEY"));
}

#[tokio::test]
async fn a_bad_key_ends_once_with_what_to_do_and_never_shows_it() {
    let folder = Folder::new();
    let simulator = Simulate::start(&folder, &["--key", "right"]).await;
    let env = [("COINPIPE__FETCH__BASE_URL", simulator.url.as_str()), ("CMC_API_KEY", "hunter2-wrong")];
    let ended = folder.run(&["--once"], &env).await.expect(1);
    // Once.
    assert_eq!(ended.stderr.matches("error 1001").count(), 1, "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter2") && !ended.stdout.contains("hunter2"));
    let letters = folder.run(&["dead", "list", "--json"], &env).await.expect(0);
    assert!(letters.stdout.contains("api_1001"), "{}", letters.stdout);
    assert!(!letters.stdout.contains("hunter2"));
    let check = folder.run(&["check"], &env).await.expect(1);
    assert!(check.stdout.contains("failed  api"), "{}", check.stdout);
    assert!(check.stdout.contains("check fetch.api_key (or CMC_API_KEY)"), "{}", check.stdout);
    assert!(!check.stdout.contains("hunter2"));
    // Without one it says what to set, as `--once` does.
    let check = folder.run(&["check"], &env[..1]).await.expect(1);
    assert!(check.stdout.contains("1002") && check.stdout.contains("set fetch.api_key"), "{}", check.stdout);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_a_clear_error() {
    let folder = Folder::new();
    std::fs::write(folder.0.path().join("coinpipe.db"), "this is not a database, but it is mine".repeat(100))
        .unwrap();
    let ended = folder.run(&["--once"], &[]).await.expect(1);
    assert!(ended.stderr.contains("coinpipe.db") && ended.stderr.contains("not a"), "{}", ended.stderr);
    let text = std::fs::read_to_string(folder.0.path().join("coinpipe.db")).unwrap();
    assert!(text.starts_with("this is not"), "somebody's file was overwritten");
    let check = folder.run(&["check"], &[]).await.expect(1);
    for line in ["failed  queue", "failed  store"] {
        assert!(check.stdout.contains(line), "{}", check.stdout);
    }
}

/// Where nothing answers, nothing is up to date; and the API is not blamed for it.
#[tokio::test]
async fn servers_that_are_away_are_named_and_nothing_is_claimed() {
    let folder = Folder::new();
    let env = [
        ("COINPIPE__QUEUE__URL", "amqp://user:hunter2@127.0.0.1:1/%2f"),
        ("COINPIPE__STORE__URL", "mysql://user:hunter2@127.0.0.1:1/coins"),
    ];
    let migrate = folder.run(&["migrate"], &env).await.expect(1);
    assert_eq!(migrate.stdout, "");
    for part in ["cannot connect to amqp://127.0.0.1:1", "127.0.0.1:1/coins"] {
        assert!(migrate.stderr.contains(part), "{part} is not in:\n{}", migrate.stderr);
    }
    let check = folder.run(&["check"], &env).await.expect(1);
    for line in ["failed  queue", "failed  store", "ok      api"] {
        assert!(check.stdout.contains(line), "{line} is not in:\n{}", check.stdout);
    }
    for text in [migrate.stderr, check.stdout, check.stderr] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

/// Files of which none can be replayed are a failure, whatever is wrong with them.
#[tokio::test]
async fn a_replay_that_leaves_out_every_file_that_is_named_fails() {
    let folder = Folder::new();
    folder.run(&["--once"], &[("COINPIPE__FETCH__LIMIT", "50")]).await.expect(0);
    // A recorded response is real, and what the store holds is simulated.
    std::fs::write(folder.0.path().join("real.json"), market::body(0)).expect("a file");
    std::fs::write(folder.0.path().join("broken.json"), "<html>").expect("a file");
    for (args, says) in [
        (&["replay", "--files", "real.json"][..], "every file was left out; nothing was replayed"),
        (&["replay", "--files", "real.json", "--from", "2030-01-01"], "every file was left out"),
        (&["replay", "--files", "broken.json"], "1 file holds no page; nothing was replayed"),
        (&["replay", "--files", "*.json"], "1 file holds no page; nothing was replayed"),
    ] {
        let ended = folder.run(args, &[]).await.expect(1);
        assert!(ended.stderr.contains(says), "{args:?}: {says:?} is not in:\n{}", ended.stderr);
    }
    // What is wrong with the file, and how it ended: no more.
    let ended = folder.run(&["replay", "--files", "broken.json"], &[]).await.expect(1);
    let said: Vec<_> = ended.stderr.lines().chain(ended.stdout.lines()).collect();
    assert_eq!(said.iter().filter(|line| line.contains("broken.json")).count(), 1, "{said:#?}");
    assert!(!said.iter().any(|line| line.contains("Replayed") || line.contains("none of the")), "{said:#?}");
    assert_eq!(folder.status().await["tables"]["quotes_latest"], 50);
}
