//! Each program as a user runs it: what it says, what it leaves behind, how it ends.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use testkit::tables::{QuoteEntry, Tables};
use tokio::process::Child;

use crate::any_store::tables_in;
use crate::market;
use crate::process::{Folder, end, signal, until_said};

#[tokio::test]
async fn once_in_an_empty_folder_loads_a_snapshot_and_shows_it() {
    let folder = Folder::new();
    let once = folder.run(&["--once"], &[]).await.expect(0);
    assert!(once.stdout.contains("Bitcoin"), "{}", once.stdout);
    assert!(once.stdout.contains("SIMULATED"), "{}", once.stdout);
    assert!(once.stdout.contains("4,000 coins loaded, none rejected"), "{}", once.stdout);
    let batches = folder.run(&["batches", "--json"], &[]).await.expect(0).json();
    let batches = batches.as_array().expect("a list");
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0]["complete"], true);
    assert_eq!(batches[0]["simulated"], true);
    assert_eq!(batches[0]["credits"], 20);
    let status = folder.status().await;
    assert_eq!(status["tables"]["quotes_latest"], 4000);
    assert_eq!(status["dead_letter_groups"], serde_json::json!([]));
}

#[tokio::test]
async fn a_command_that_ended_leaves_one_whole_file() {
    let folder = Folder::new();
    let alone = |after: &str| {
        let names = std::fs::read_dir(folder.0.path()).expect("the folder");
        let mut names: Vec<_> =
            names.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
        names.sort_unstable();
        assert_eq!(names, ["coinpipe-data", "coinpipe.db"], "after {after}");
    };
    for args in [&["--once"][..], &["--once"], &["status"], &["batches"], &["check"], &["dead", "groups"]] {
        folder.run(args, &[]).await.expect(0);
        alone(&args.join(" "));
    }
    let mut child = folder.command("coinpipe", &["run"], &[]).spawn().expect("it starts");
    until_said(&mut child, "leading").await;
    signal(&child, "TERM").await;
    assert_eq!(end(child).await, Some(0));
    alone("run and SIGTERM");
}

#[tokio::test]
async fn arguments_go_before_or_after_the_command_and_once_belongs_to_run() {
    let folder = Folder::new();
    std::fs::write(folder.0.path().join("my.toml"), "[fetch]\nlimit = 7\n").expect("a file");
    for args in [&["--config", "my.toml", "config"], &["config", "--config", "my.toml"]] {
        let shown = folder.run(args, &[]).await.expect(0);
        assert!(shown.stdout.contains("fetch.limit = 7"), "{}", shown.stdout);
    }
    let ended = folder.run(&["--once", "check"], &[]).await.expect(2);
    assert!(ended.stderr.contains("coinpipe --once"), "{}", ended.stderr);
}

#[tokio::test]
async fn run_after_once_does_not_pay_for_the_slot_again() {
    let folder = Folder::new();
    folder.run(&["--once"], &[("COINPIPE__FETCH__LIMIT", "50")]).await.expect(0);
    let mut child = folder.command("coinpipe", &["run"], &[]).spawn().expect("it starts");
    until_said(&mut child, "leading").await;
    signal(&child, "TERM").await;
    assert_eq!(end(child).await, Some(0));
    let batches = folder.run(&["batches", "--json"], &[]).await.expect(0).json();
    assert_eq!(batches.as_array().expect("a list").len(), 1, "{batches:#}");
}

#[tokio::test]
async fn sigterm_under_work_exits_0_and_the_next_run_goes_on() {
    let folder = Folder::new();
    let mut child = folder.command("coinpipe", &["run"], &[]).spawn().expect("it starts");
    until_said(&mut child, "loaded chunk").await;
    signal(&child, "TERM").await;
    assert_eq!(end(child).await, Some(0));

    // The second run loads what is left, and its own snapshot; nothing is missing, nothing died.
    folder.run(&["--once"], &[]).await.expect(0);
    let batches = folder.run(&["batches", "--json"], &[]).await.expect(0).json();
    let batches = batches.as_array().expect("a list");
    assert_eq!(batches.len(), 2);
    assert!(batches.iter().all(|batch| batch["complete"] == true), "{batches:#?}");
    assert_eq!(folder.status().await["dead_letter_groups"], serde_json::json!([]));
}

#[tokio::test]
async fn killed_at_every_crash_point_the_next_run_loses_nothing() {
    for stage in ["transformer", "loader"] {
        for point in ["received", "handled", "published", "settled"] {
            let folder = Folder::new();
            let failpoint = format!("{stage}.{point}:abort");
            // A short lease: the work of the dead is soon given to the next.
            let mut env = vec![("COINPIPE__QUEUE__LEASE", "1s"), ("COINPIPE__FETCH__LIMIT", "300")];
            env.push(("COINPIPE_FAILPOINT", &failpoint));
            let died = folder.run(&["run"], &env).await;
            assert_eq!(died.code, None, "{failpoint}: it should have died by SIGABRT:\n{}", died.stderr);
            env.pop();
            folder.run(&["--once"], &env).await.expect(0);
            let batches = folder.run(&["batches", "--json"], &[]).await.expect(0).json();
            let batches = batches.as_array().expect("a list");
            assert_eq!(batches.len(), 2, "{failpoint}");
            assert!(batches.iter().all(|batch| batch["complete"] == true), "{failpoint}: {batches:#?}");
        }
    }
}

#[tokio::test]
async fn four_processes_share_one_file() {
    let folder = Folder::new();
    // All four start on an empty file at once.
    let env = [("COINPIPE__LOG__FORMAT", "text")];
    let mut children = Vec::new();
    for name in ["transformer", "alerter", "fetcher"] {
        let mut command = folder.command(name, &[], &env);
        command.stderr(Stdio::null());
        children.push(command.spawn().expect("it starts"));
    }
    let mut loader = folder.command("loader", &[], &env).spawn().expect("it starts");
    until_said(&mut loader, "loaded chunk 4 of 4").await;
    children.push(loader);
    for child in &children {
        signal(child, "TERM").await;
    }
    for child in children {
        assert_eq!(end(child).await, Some(0));
    }
    // Chunks may arrive in any order: one more run lets the rest through.
    folder.run(&["--once"], &[]).await.expect(0);
    let batches = folder.run(&["batches", "--json"], &[]).await.expect(0).json();
    assert!(
        batches.as_array().expect("a list").iter().all(|batch| batch["complete"] == true),
        "{batches:#?}"
    );
}

/// A simulator as a process of its own, stopped when dropped.
pub(crate) struct Simulate {
    pub url: String,
    /// How it says it can be tried.
    advice: String,
    _child: Child,
}

impl Simulate {
    pub(crate) async fn start(folder: &Folder, args: &[&str]) -> Self {
        let args: Vec<_> = ["simulate", "--listen", "127.0.0.1:0"].iter().chain(args).copied().collect();
        let mut child = folder.command("coinpipe", &args, &[]).spawn().expect("it starts");
        let line = until_said(&mut child, "COINPIPE__FETCH__BASE_URL=").await;
        let url = line.rsplit('=').next().expect("a URL").trim_matches(['"', '}']).to_owned();
        Self { url, advice: line, _child: child }
    }
}

#[tokio::test]
async fn recorded_responses_arrive_bit_for_bit_and_again_change_nothing() {
    for listing in lab::listings() {
        let folder = Folder::new();
        let simulator = Simulate::start(&folder, &["--serve", listing.path.to_str().expect("a path")]).await;
        let convert = listing.currencies.join(",");
        let env = [
            ("COINPIPE__FETCH__BASE_URL", simulator.url.as_str()),
            ("COINPIPE__FETCH__API_VERSION", listing.version),
            ("COINPIPE__FETCH__CONVERT", convert.as_str()),
            ("COINPIPE__FETCH__API_KEY", "x"),
        ];
        let once = folder.run(&["run", "--once"], &env).await.expect(0);
        assert!(!once.stdout.contains("SIMULATED"), "recorded data is real:\n{}", once.stdout);
        let first = tables(&folder).await;
        let rows = listing.coins * listing.currencies.len();
        assert_eq!(first.latest.len(), rows);
        compare_with_file(&first, &listing);
        another_second().await;
        let again = folder.run(&["run", "--once"], &env).await.expect(0);
        let second = tables(&folder).await;
        // All that a row says of the coin; the newer fetch, which found the same, is named beside it.
        for (second, first) in [(&second.latest, &first.latest), (&second.history, &first.history)] {
            let quotes = |rows: &[QuoteEntry]| {
                rows.iter().map(|row| format!("{} {:?}", row.coin_id, row.quote)).collect::<Vec<_>>()
            };
            assert_eq!(quotes(second), quotes(first), "the second run changed quotes");
        }
        let coins = |tables: &Tables| {
            tables.coins.iter().map(|row| format!("{:?} {}", row.coin, row.first_seen_at)).collect::<Vec<_>>()
        };
        assert_eq!(coins(&second), coins(&first), "the second run changed coins");
        let unchanged = format!("0 quotes written, {rows} unchanged, 0 stale");
        assert!(again.stdout.contains(&unchanged), "{}", again.stdout);
    }
}

/// Waits for the next second: snapshots by hand are named by theirs, and two in one are one batch.
async fn another_second() {
    let second = || ports::Clock::now(&ports::SystemClock).timestamp();
    let before = second();
    let mut look = tokio::time::interval(Duration::from_millis(10));
    while second() == before {
        look.tick().await;
    }
}

async fn tables(folder: &Folder) -> Tables {
    tables_in(&folder.0.path().join("coinpipe.db")).await
}

/// Ids, prices and supplies in the table are those of the file, to the last bit.
fn compare_with_file(tables: &Tables, listing: &lab::Listing) {
    use domain::Measure::{CirculatingSupply, MaxSupply, Price, SelfReportedCirculatingSupply, TotalSupply};
    let file: Value = serde_json::from_slice(&std::fs::read(&listing.path).expect("the file")).expect("JSON");
    let coins = file["data"].as_array().expect("a list");
    assert_eq!(coins.len(), listing.coins);
    for (coin, (index, currency)) in
        coins.iter().flat_map(|coin| listing.currencies.iter().enumerate().map(move |of| (coin, of)))
    {
        let id = coin["id"].as_u64().expect("an id");
        let row =
            tables.latest.iter().find(|row| u64::from(row.coin_id) == id && row.quote.currency == *currency);
        let row = row.expect("the coin is in the table");
        let quotes = &coin["quote"];
        let quote = if quotes.is_array() { &quotes[index] } else { &quotes[currency] };
        for (measure, sent) in [
            (Price, &quote["price"]),
            (CirculatingSupply, &coin["circulating_supply"]),
            (TotalSupply, &coin["total_supply"]),
            (MaxSupply, &coin["max_supply"]),
            (SelfReportedCirculatingSupply, &coin["self_reported_circulating_supply"]),
        ] {
            let stored = row.quote.get(measure).map(f64::to_bits);
            assert_eq!(stored, sent.as_f64().map(f64::to_bits), "{} of coin {id}", measure.column());
        }
        let entry = tables.coins.iter().find(|entry| u64::from(entry.coin.id) == id).expect("its coin");
        assert_eq!(entry.coin.platform_name.as_deref(), coin["platform"]["name"].as_str(), "coin {id}");
    }
}

#[tokio::test]
async fn real_quotes_replace_a_simulated_file_and_are_never_overwritten_by_simulated_ones() {
    let folder = Folder::new();
    folder.run(&["--once"], &[("COINPIPE__FETCH__LIMIT", "100")]).await.expect(0);
    // A recorded response is real, however small.
    std::fs::write(folder.0.path().join("recorded.json"), market::body(0)).expect("a file");
    let simulator = Simulate::start(&folder, &["--serve", "recorded.json"]).await;
    let env = [("COINPIPE__FETCH__BASE_URL", simulator.url.as_str()), ("COINPIPE__FETCH__API_KEY", "x")];
    let real = folder.run(&["--once"], &env).await.expect(0);
    assert!(real.stderr.contains("moved"), "{}", real.stderr);
    assert_eq!(folder.status().await["tables"]["quotes_latest"], market::COINS);

    let refused = folder.run(&["--once"], &[]).await.expect(2);
    assert!(refused.stderr.contains("real quotes"), "{}", refused.stderr);
    let check = folder.run(&["check"], &[]).await.expect(1);
    assert!(check.stdout.contains("failed  api") && check.stdout.contains("real quotes"), "{}", check.stdout);
    assert_eq!(folder.status().await["tables"]["quotes_latest"], market::COINS);
}

#[tokio::test]
async fn simulated_leftovers_in_the_queue_do_not_meet_real_quotes() {
    let folder = Folder::new();
    // A fetcher without a key, killed before anyone loads what it published.
    let mut fetcher = folder.command("fetcher", &[], &[]).spawn().expect("it starts");
    until_said(&mut fetcher, "published a batch").await;
    fetcher.kill().await.expect("it dies");
    std::fs::write(folder.0.path().join("recorded.json"), market::body(0)).expect("a file");
    let simulator = Simulate::start(&folder, &["--serve", "recorded.json"]).await;
    let env = [("COINPIPE__FETCH__BASE_URL", simulator.url.as_str()), ("COINPIPE__FETCH__API_KEY", "x")];
    folder.run(&["--once"], &env).await.expect(0);
    let status = folder.status().await;
    assert_eq!(status["tables"]["quotes_latest"], market::COINS);
    // The one that tells that the recording is of another day; none about quotes that met.
    let groups = status["dead_letter_groups"].as_array().expect("a list");
    let codes: Vec<_> = groups.iter().map(|group| &group["code"]).collect();
    assert_eq!(codes, ["batch_suspect"], "{groups:#?}");
}

#[tokio::test]
async fn a_snapshot_of_rejected_coins_only_is_a_failure() {
    let folder = Folder::new();
    let simulator = Simulate::start(&folder, &["--fault", "missing=slug"]).await;
    let env = [
        ("COINPIPE__FETCH__BASE_URL", simulator.url.as_str()),
        ("COINPIPE__FETCH__API_KEY", "x"),
        ("COINPIPE__FETCH__LIMIT", "50"),
    ];
    let ended = folder.run(&["--once"], &env).await.expect(1);
    assert!(ended.stderr.contains("all 50 coins were rejected"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_bad_coin_is_rejected_and_the_others_go_on() {
    let folder = Folder::new();
    let simulator = Simulate::start(&folder, &["--fault", "negative-price:1"]).await;
    let env = [
        ("COINPIPE__FETCH__BASE_URL", simulator.url.as_str()),
        ("COINPIPE__FETCH__API_KEY", "x"),
        ("COINPIPE__FETCH__LIMIT", "100"),
    ];
    let once = folder.run(&["--once"], &env).await.expect(0);
    assert!(once.stdout.contains("1 rejected"), "{}", once.stdout);
    assert_eq!(folder.status().await["tables"]["quotes_latest"], 99);
    let letters = folder.run(&["dead", "list", "--json"], &env).await.expect(0).json();
    assert_eq!(letters[0]["code"], "price_negative", "{letters:#}");
}

#[tokio::test]
async fn each_program_says_what_it_is() {
    let folder = Folder::new();
    for (program, does) in [
        ("fetcher", "CoinMarketCap"),
        ("transformer", "Cleans"),
        ("loader", "store"),
        ("alerter", "dead letters"),
    ] {
        let help = folder.command(program, &["--help"], &[]).output().await.expect("it runs");
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(help.contains(does) && help.contains("--config"), "{program}: {help}");
        let version = folder.command(program, &["--version"], &[]).output().await.expect("it runs");
        assert!(String::from_utf8_lossy(&version.stdout).starts_with(&format!("{program} ")), "{version:?}");
    }
}

#[tokio::test]
async fn the_simulators_faults_are_listed() {
    let faults = Folder::new().run(&["simulate", "--fault", "help"], &[]).await.expect(0).stdout;
    assert!(faults.contains("status=HTTP") && faults.contains("vanished"), "{faults}");
    assert!(faults.contains("this coin (1 by default) is not listed"), "each with what it does: {faults}");
}

#[tokio::test]
async fn health_is_200_and_the_simulator_asks_for_a_key_unless_told_not_to() {
    let folder = Folder::new();
    let simulator = Simulate::start(&folder, &[]).await;
    let refused = folder.run(&["health", &format!("{}/v1/key/info", simulator.url)], &[]).await.expect(1);
    assert!(refused.stderr.contains("/v1/key/info: 401 Unauthorized"), "{}", refused.stderr);
    // What it says at its start is enough to try it.
    let advice = &simulator.advice;
    assert!(advice.contains("try it with CMC_API_KEY=any COINPIPE__FETCH__BASE_URL=http://"), "{advice}");
    drop(simulator);
    let simulator = Simulate::start(&folder, &["--no-key"]).await;
    assert!(!simulator.advice.contains("CMC_API_KEY"), "{}", simulator.advice);
    let well = folder.run(&["health", &format!("{}/v1/key/info", simulator.url)], &[]).await.expect(0);
    assert_eq!((well.stdout.as_str(), well.stderr.as_str()), ("", ""));
    let usage = folder.run(&["health", "https://127.0.0.1/"], &[]).await.expect(2);
    assert!(usage.stderr.contains("http://"), "{}", usage.stderr);
}

#[tokio::test]
async fn a_fetcher_alone_says_that_its_data_is_simulated() {
    let folder = Folder::new();
    let mut fetcher = folder.command("fetcher", &[], &[]).spawn().expect("it starts");
    until_said(&mut fetcher, "SIMULATED").await;
    signal(&fetcher, "TERM").await;
    assert_eq!(end(fetcher).await, Some(0));
}

#[tokio::test]
async fn config_shows_every_setting_and_no_secret() {
    let folder = Folder::new();
    let shown = folder.run(&["config"], &[("CMC_API_KEY", "hunter2")]).await.expect(0).stdout;
    assert!(shown.contains("fetch.api_key = \"***\"") && shown.contains("CMC_API_KEY"), "{shown}");
    assert!(shown.contains("fetch.every = \"1h\"") && !shown.contains("hunter2"), "{shown}");
}

/// A field called `message` would take the place of what a line says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_lines_name_the_message_that_they_are_about() {
    let place = crate::place::Place::embedded(1000).await;
    let mut broken = market::page(0, domain::Origin::Live);
    broken.body = b"not zstd"[..].into();
    place.publish_one(ports::QueueName::Raw, broken).await;
    place.publish_one(ports::QueueName::Raw, market::page(1, domain::Origin::Live)).await;
    let worker = crate::workers::Worker::start(&place, "transformer", &[]);
    worker.until_said("to the dead letters").await;
    worker.until_said("cleaned page").await;
    let log = worker.log();
    let line = |text: &str| -> Value {
        let line = log.lines().find(|line| line.contains(text)).expect("it was said");
        serde_json::from_str(line).expect("lines of JSON")
    };
    let dead = line("to the dead letters");
    assert_eq!(dead["message"], "cannot be handled; to the dead letters", "{dead}");
    assert_eq!(dead["span"]["id"], "2026-11-22T00:00:00Z/listings/USD/p1", "{dead}");
    assert_eq!(dead["span"]["stage"], "transformer", "{dead}");
    let cleaned = line("cleaned page");
    assert_eq!(cleaned["span"]["id"], "2026-11-22T01:00:00Z/listings/USD/p1", "{cleaned}");
    worker.stop().await;
}
