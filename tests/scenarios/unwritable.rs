//! A backfill whose tables can be read and not written: a server that is read-only, a disk that is full, and one that is read-only. What was paid
//! for is not lost, and nothing hangs without a word.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use domain::timestamp;
use ports::{Clock as _, SystemClock};
use simulator::{Options, Simulator};

use crate::disk::Disk;
use crate::place::{Place, Servers};
use crate::process::{Folder, end, signal, until_said};
use crate::workers::{Worker, crew, dismiss};

async fn api() -> Simulator {
    let options = Options { coins: 200, ..Options::default() };
    Simulator::start((Ipv4Addr::LOCALHOST, 0).into(), options, Arc::new(SystemClock)).await.expect("an API")
}

fn env(url: &str) -> [(&str, &str); 3] {
    [
        ("COINPIPE__FETCH__BASE_URL", url),
        ("COINPIPE__FETCH__API_KEY", "key"),
        ("COINPIPE__FETCH__LIMIT", "200"),
    ]
}

/// The beginning of the hour that was so many hours ago.
fn hours_ago(hours: i64) -> DateTime<Utc> {
    SystemClock.now().duration_trunc(TimeDelta::hours(1)).expect("an hour") - TimeDelta::hours(hours)
}

fn calls(api: &Simulator) -> usize {
    api.requests().iter().filter(|seen| seen.path.contains("historical")).count()
}

async fn filled(place: &Place) -> usize {
    let batches = place.store.ledger().batches(100).await.expect("the ledger");
    batches.iter().filter(|batch| batch.endpoint == "history" && batch.is_complete()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_a_backfill_waits_for_a_database_that_is_read_only() {
    let Some(servers) = Servers::start().await else { return };
    let database = &servers.database;
    let mut place = Place::on(&servers, 1000).await;
    // Who administers a server may write all the same.
    database.query("CREATE USER worker IDENTIFIED BY 'worker'").expect("a user");
    database.query("GRANT SELECT, INSERT, UPDATE, DELETE ON coinpipe.* TO worker").expect("its rights");
    place.store_url = place.store_url.replace("lab:lab@", "worker:worker@");
    let crew = crew(&place);
    let api = api().await;
    let url = api.url();
    let env = env(&url);
    let mut once = Worker::operate_with(&place, &["--once"], &env);
    assert_eq!(once.ended().await, Some(0), "{}", once.log());
    place.until_complete(1).await;

    database.query("SET GLOBAL read_only = 1").expect("it is read-only");
    let (from, to) = (timestamp::to_text(hours_ago(4)), timestamp::to_text(hours_ago(1)));
    let args = ["backfill", "--from", &from, "--to", &to, "--yes"];
    let mut filling = Worker::operate_with(&place, &args, &env);
    filling.until_said("loading 3 slots").await;
    for loader in crew.iter().filter(|worker| worker.name == "loader") {
        loader.until_said("paused until").await;
    }
    // Looking works all the while.
    let (code, gaps) = Worker::ask(&place, &["gaps", "--json"]).await;
    assert_eq!((code, gaps.contains("\"missing\": []")), (Some(0), true), "{gaps}");
    let again = ["backfill", "--from", &from, "--to", &to, "--dry-run"];
    let again = Worker::print_with(&place, &again, &env).await;
    assert!(again.contains("Nothing to fill"), "it is on its way: {again}");
    assert!(filling.child.try_wait().expect("it can be asked").is_none(), "{}", filling.log());
    database.query("SET GLOBAL read_only = 0").expect("it is writable");
    assert_eq!(filling.ended().await, Some(0), "{}", filling.log());
    assert_eq!((filled(&place).await, calls(&api)), (3, 2));
    dismiss(crew).await;
}

/// All is in one file on this disk; the spool is elsewhere.
#[tokio::test]
async fn private_servers_none_but_a_backfill_on_a_disk_that_takes_nothing() {
    let mounted = tempfile::tempdir().expect("a folder");
    let Some(disk) = Disk::mount(mounted.path()) else { return };
    let folder = Folder::new();
    let api = api().await;
    let (url, file) = (api.url(), format!("sqlite://{}", mounted.path().join("coinpipe.db").display()));
    let mut env = env(&url).to_vec();
    env.extend([("COINPIPE__QUEUE__URL", file.as_str()), ("COINPIPE__STORE__URL", &file)]);
    folder.run(&["--once"], &env).await.expect(0);
    let (from, to) = (timestamp::to_text(hours_ago(4)), timestamp::to_text(hours_ago(1)));
    let args = ["backfill", "--from", &from, "--to", &to, "--yes"];

    // Full: it says so, and pays for nothing. Looking works.
    disk.fill_but(0);
    folder.run(&["gaps"], &env).await.expect(0);
    let full = folder.run(&args, &env).await.expect(1);
    assert!(full.stderr.contains("the disk is full"), "{}", full.stderr);
    assert_eq!(calls(&api), 0);
    disk.clear();

    // Read-only: it says so and waits, with what it paid for in the spool, until somebody has no time.
    remount(mounted.path(), "ro");
    let mut refused = folder.command("coinpipe", &args, &env).spawn().expect("it starts");
    until_said(&mut refused, "the file cannot be written").await;
    signal(&refused, "INT").await;
    assert_eq!(end(refused).await, Some(1));
    remount(mounted.path(), "rw");

    let filled = folder.run(&args, &env).await.expect(0);
    assert!(filled.stdout.contains("Filled 3 slots"), "{} {}", filled.stdout, filled.stderr);
    let batches = folder.run(&["batches", "--json"], &env).await.expect(0).json();
    let is_filled = |batch: &&serde_json::Value| batch["endpoint"] == "history" && batch["complete"] == true;
    let batches = batches.as_array().expect("a list");
    assert_eq!((batches.iter().filter(is_filled).count(), calls(&api)), (3, 2), "{batches:?}");
}

fn remount(folder: &Path, how: &str) {
    let options = format!("remount,{how}");
    let mounted = Command::new("mount").args(["-o", &options]).arg(folder).status();
    assert!(mounted.is_ok_and(|status| status.success()), "{options}");
}
