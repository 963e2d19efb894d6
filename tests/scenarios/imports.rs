//! `coinpipe import legacy`: the rows of the script's table become history, and nothing is guessed.

use domain::{Measure, Message, Origin, compress_body, decompress_body, timestamp};
use ports::QueueName;
use testkit::tables::Tables;

use crate::market::{self, COINS};
use crate::place::{Place, Servers, compare};
use crate::process::Folder;
use crate::workers::{Worker, crew, dismiss};

/// Snapshot 0, in which coin 4 has the symbol of coin 3.
fn snapshot() -> Message {
    let mut page = market::page(0, Origin::Live);
    let body = String::from_utf8(decompress_body(&page.body).expect("a page")).expect("text");
    page.body = compress_body(body.replace(r#""symbol":"C4""#, r#""symbol":"C3""#).as_bytes()).into();
    page
}

/// The history without what snapshot 0 put there: coin, price, time.
fn imported(tables: &Tables) -> Vec<(u32, u64, String)> {
    let imported = tables.history.iter().filter(|entry| entry.batch.as_str().contains("/legacy-crypto/"));
    imported
        .map(|entry| {
            let price = entry.quote.get(Measure::Price).expect("a price").to_bits();
            (entry.coin_id, price, timestamp::to_text(entry.quote.last_updated))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_the_table_of_a_script_becomes_history() {
    let Some(servers) = Servers::start().await else { return };
    for statement in [
        "CREATE DATABASE script",
        "CREATE TABLE script.crypto (id INT AUTO_INCREMENT PRIMARY KEY, coin VARCHAR(20), price_usd DOUBLE, \
         supply TEXT, last_updated DATETIME, note TEXT)",
        "INSERT INTO script.crypto (coin, price_usd, supply, last_updated) VALUES \
         ('C1', 63857.73078756311, '19158500', '2026-11-20 10:00:00'), \
         ('c2', 5e-18, NULL, '2026-11-19 10:00:00'), \
         ('C3', 3, '1', '2026-11-20 10:00:00'), \
         ('C5', -1, '1', '2026-11-20 10:00:00'), \
         ('ZZZ', 9, '1', '2026-11-20 10:00:00'), \
         ('C5', 7, '1', '2026-11-22 00:00:02')",
    ] {
        servers.database.query(statement).expect("it is made");
    }
    let url = servers.database.url().replace("/coinpipe", "/script");
    let import = [
        "import",
        "legacy",
        "--table",
        "crypto",
        "--map",
        "coin=symbol",
        "price_usd=price",
        "supply=circulating_supply",
    ];
    for place in [Place::embedded(1000).await, Place::on(&servers, 1000).await] {
        let workers = crew(&place);
        place.publish_one(QueueName::Raw, snapshot()).await;
        place.publish_one(QueueName::Rows, market::announcement(0)).await;
        place.until_complete(1).await;
        let before = place.store.tables().await;

        let env = [("COINPIPE__IMPORT__URL", url.as_str())];
        let dry = Worker::print_with(&place, &[&import[..], &["--dry-run"]].concat(), &env).await;
        // It promises no row that the rules refuse.
        assert!(dry.contains("Would import 2 rows"), "{dry}");
        assert!(dry.contains("rejected  1 row") && dry.contains("price in USD is -1.0"), "{dry}");
        compare(&place.store.tables().await, &before);

        // The exit code tells of the row that was refused.
        let report = Worker::print_and_end(&place, &import, &env, 1).await;
        assert!(report.contains("3 Coin 3, 4 Coin 4"), "{report}");
        // The script has no names; of what is too new the time is shown.
        assert_eq!(report.matches("in the table").count(), 1, "{report}");
        assert!(report.contains("left out  1 row: several coins share the symbol"), "{report}");
        assert!(report.contains("left out  1 row: the newest snapshot has no such coin"), "{report}");
        assert!(
            report.contains("left out  1 row: newer than the coin's quote in the newest snapshot"),
            "{report}"
        );
        assert!(report.contains("Imported 2 rows: 0 now the newest quote of their coin"), "{report}");
        assert!(report.contains("rejected  1 row"), "{report}");
        let after = place.store.tables().await;
        let rows = [
            (1, 63_857.730_787_563_11_f64.to_bits(), "2026-11-20T10:00:00.000Z".to_owned()),
            (2, 5e-18_f64.to_bits(), "2026-11-19T10:00:00.000Z".to_owned()),
        ];
        assert_eq!(imported(&after), rows);
        let first = after.history.iter().find(|entry| entry.coin_id == 1).expect("coin 1");
        assert_eq!(first.quote.get(Measure::CirculatingSupply), Some(19_158_500.0));
        assert_eq!(after.latest, before.latest);
        let described =
            |tables: &Tables| tables.coins.iter().map(|coin| coin.coin.clone()).collect::<Vec<_>>();
        assert_eq!(described(&after), described(&before));
        let letters = place.letters().await;
        assert!(matches!(&letters[..], [letter] if letter.starts_with("price_negative ")), "{letters:?}");

        // Again, with a decision: what is there stays.
        let again = [&import[..], &["--coin", "C3=4"]].concat();
        let report = Worker::print_and_end(&place, &again, &env, 1).await;
        assert!(!report.contains("several coins"), "{report}");
        let more = place.store.tables().await;
        assert_eq!(more.history.len(), COINS as usize + 3);
        let kept = more.history.iter().filter(|entry| after.history.contains(entry)).count();
        assert_eq!(kept, after.history.len());
        dismiss(workers).await;

        let mut wrong = Worker::operate(&place, &["import", "legacy", "--table", "crypto"]);
        assert!(matches!(wrong.ended().await, Some(1 | 2)), "{}", wrong.log());
    }
}

/// Field case 23b: a script on a server five hours behind UTC.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_local_times_are_read_in_the_zone_they_were_written_in() {
    let Some(servers) = Servers::start().await else { return };
    for statement in [
        "CREATE DATABASE script",
        "CREATE TABLE script.coins (symbol VARCHAR(20), price VARCHAR(40), updated DATETIME, created TIMESTAMP NULL)",
        "SET time_zone = '+00:00'; INSERT INTO script.coins VALUES \
         ('C1', '69000.50', '2026-11-20 13:00:00', '2026-11-20 18:00:00'), \
         ('C2', '2', NULL, '2026-11-20 18:00:00'), \
         ('C3', 'N/A', '2026-11-20 13:00:00', '2026-11-20 18:00:00')",
    ] {
        servers.database.query(statement).expect("it is made");
    }
    let url = servers.database.url().replace("/coinpipe", "/script");
    let env = [("COINPIPE__IMPORT__URL", url.as_str())];
    let place = Place::embedded(1000).await;
    let workers = crew(&place);
    place.publish_one(QueueName::Raw, market::page(0, Origin::Live)).await;
    place.publish_one(QueueName::Rows, market::announcement(0)).await;
    place.until_complete(1).await;
    let import = |column: &'static str, more: &[&'static str]| {
        let given = ["import", "legacy", "--table", "coins", "--map", column];
        [&given[..], more].concat()
    };
    let said = async |args: &[&str]| {
        let mut worker = Worker::operate_with(&place, args, &env);
        (worker.ended().await, worker.log())
    };

    // What is not said is said to be read as UTC; an offset may begin with a hyphen.
    let (code, told) = said(&import("updated=last_updated", &["--dry-run"])).await;
    assert_eq!(code, Some(0), "{told}");
    let read = "updated does not say its time zone and is read as UTC: 2026-11-20 13:00:00 is 2026-11-20T13:00:00.000Z";
    assert!(told.contains(read) && told.contains("1 of 3 rows have none and will be rejected"), "{told}");
    let (_, told) = said(&import("updated=last_updated", &["--time-zone", "-05:00", "--dry-run"])).await;
    assert!(told.contains("read as -05:00: 2026-11-20 13:00:00 is 2026-11-20T18:00:00.000Z"), "{told}");
    let (_, told) =
        said(&import("created=last_updated", &["--time-zone", "America/Bogota", "--dry-run"])).await;
    assert!(told.contains("created is a TIMESTAMP"), "{told}");
    assert!(told.contains("2026-11-20 18:00:00 is 2026-11-20T18:00:00.000Z"), "{told}");
    let (code, told) = said(&import("updated=last_updated", &["--time-zone", "Bogota", "--dry-run"])).await;
    assert!(code == Some(2) && told.contains("America/New_York"), "{told}");

    // A row without a time and one without a number: the dry run promises neither, and the exit code tells.
    let bogota = import("updated=last_updated", &["--time-zone", "America/Bogota"]);
    let dry = Worker::print_with(&place, &[&bogota[..], &["--dry-run"]].concat(), &env).await;
    assert!(dry.contains("Would import 1 row\n") && dry.contains("rejected  2 rows"), "{dry}");
    let report = Worker::print_and_end(&place, &bogota, &env, 1).await;
    assert!(report.contains("Imported 1 row:") && report.contains("rejected  2 rows"), "{report}");
    let loaded = place.store.tables().await;
    let loaded = loaded.history.iter().filter(|entry| entry.batch.as_str().contains("/legacy-coins/"));
    let loaded: Vec<_> =
        loaded.map(|entry| (entry.coin_id, timestamp::to_text(entry.quote.last_updated))).collect();
    assert_eq!(loaded, [(1, "2026-11-20T18:00:00.000Z".to_owned())]);
    dismiss(workers).await;
}

/// A file is moved aside by the first run with a key; on servers real quotes need another place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_an_import_beside_simulated_quotes_says_where_real_ones_go() {
    let Some(Servers { broker, database }) = Servers::start().await else { return };
    let table = "CREATE TABLE coinpipe.prices (symbol VARCHAR(20), price DOUBLE, last_updated DATETIME)";
    database.query(table).expect("it is made");
    let (queue, store) = (broker.url(), database.url());
    let servers = [("COINPIPE__QUEUE__URL", queue.as_str()), ("COINPIPE__STORE__URL", store.as_str())];
    for (env, needs_another) in [(&servers[..], true), (&[], false)] {
        let folder = Folder::new();
        let env = [env, &[("COINPIPE__FETCH__LIMIT", "50"), ("COINPIPE__IMPORT__URL", &store)]].concat();
        folder.run(&["--once"], &env).await.expect(0);
        let refused =
            folder.run(&["import", "legacy", "--table", "prices", "--dry-run"], &env).await.expect(1);
        let said = &refused.stderr;
        assert!(said.contains("`coinpipe --once` with your own key takes real ones"), "{said}");
        for name in ["another database in COINPIPE__STORE__URL", "another COINPIPE__QUEUE__PREFIX"] {
            assert_eq!(said.contains(name), needs_another, "{said}");
        }
    }
}
