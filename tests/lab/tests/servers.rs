//! Private servers: started, killed, frozen, stopped, found again, and gone when their owner is.
//!
//! The name `private_server` is the convention of .config/nextest.toml: such tests run one at a time.

use lab::{MySql, RabbitMq, wait_until};

/// A client that connects, says its protocol header and is answered.
fn greets(port: u16) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(std::time::Duration::from_millis(300))).expect("a timeout");
    stream.write_all(b"AMQP\0\0\x09\x01").is_ok() && stream.read_exact(&mut [0]).is_ok()
}

#[test]
fn private_server_rabbitmq_lives_through_everything() {
    let Some(mut broker) = RabbitMq::start_or_skip() else { return };
    assert_eq!(broker.url(), format!("amqp://lab:lab@127.0.0.1:{}/%2f", broker.port()));
    broker.ctl(&["add_vhost", "kept"]).expect("a vhost");

    broker.kill9().expect("it dies");
    assert!(!broker.runs() && !greets(broker.port()));
    broker.start_again().expect("it starts");
    assert!(broker.ctl(&["list_vhosts"]).expect("vhosts").contains("kept"), "its data is gone");

    broker.freeze();
    assert!(broker.runs() && !greets(broker.port()));
    broker.thaw();
    broker.wait_ready().expect("it answers");

    broker.memory_alarm(true).expect("an alarm");
    wait_until("the alarm is on", || broker.ctl(&["status"]).expect("a status").contains("Memory alarm"));
    broker.memory_alarm(false).expect("no alarm");
    wait_until("the alarm is off", || !broker.ctl(&["status"]).expect("a status").contains("Memory alarm"));

    broker.restart().expect("it stops and starts");
    let error = broker.ctl(&["frobnicate"]).expect_err("no such command");
    assert!(error.to_string().contains("frobnicate"), "{error}");
    let port = broker.port();
    broker.freeze();
    drop(broker);
    assert!(!greets(port));
}

#[test]
fn private_server_two_nodes_do_not_meet() {
    let (Some(one), Some(two)) = (RabbitMq::start_or_skip(), RabbitMq::start_or_skip()) else { return };
    one.ctl(&["add_vhost", "of-one"]).expect("a vhost");
    assert!(!two.ctl(&["list_vhosts"]).expect("vhosts").contains("of-one"));
    drop(one);
    assert!(two.ctl(&["list_vhosts"]).is_ok());
}

#[test]
fn private_server_with_bad_configuration_says_why_it_does_not_start() {
    if !RabbitMq::is_installed() || !MySql::is_installed() {
        return lab::skip("RabbitMQ or MariaDB is not installed");
    }
    let error = RabbitMq::start_with("frobnicate = 1").expect_err("bad configuration");
    assert!(error.to_string().contains("frobnicate"), "{error}");
    let error = MySql::start_with(&["--frobnicate=1"]).expect_err("bad option");
    assert!(error.to_string().contains("frobnicate"), "{error}");
}

#[test]
fn private_server_mysql_lives_through_everything() {
    let Some(mut database) = MySql::start_or_skip() else { return };
    database.query("CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2)").expect("a table");

    database.kill9().expect("it dies");
    assert!(!database.runs() && !greets(database.port()));
    database.start_again().expect("it starts");
    assert_eq!(database.query("SELECT a FROM t ORDER BY a").expect("rows"), "1\n2\n");

    database.freeze();
    assert!(database.runs() && !greets(database.port()));
    database.thaw();
    database.wait_ready().expect("it answers");

    database.set_options(&["--max-connections=12"]);
    database.restart().expect("it stops and starts");
    assert_eq!(database.query("SELECT @@max_connections, 'a'").expect("a row"), "12\ta\n");
    database.query("CREATE DATABASE other; CREATE USER u@localhost IDENTIFIED BY 'p'").expect("all rights");
    let error = database.query("SELECT * FROM nothing").expect_err("no such table");
    assert!(error.to_string().contains("nothing"), "{error}");
    let port = database.port();
    drop(database);
    assert!(!greets(port));
}

#[test]
fn private_server_is_detached_found_again_and_removed() {
    if !MySql::is_installed() {
        return lab::skip("neither MariaDB nor MySQL is installed");
    }
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("detached");
    assert!(MySql::find(&folder).is_none());
    let url = {
        let mut started = MySql::start_detached(&folder).expect("it starts");
        assert!(started.runs());
        started.url()
    };
    let mut found = MySql::find(&folder).expect("it outlived its handle");
    assert_eq!(found.url(), url);
    assert_eq!(found.query("SELECT 1").expect("a row"), "1\n");
    found.kill9().expect("it dies");
    found.start_again().expect("it starts");
    lab::remove(&folder);
    assert!(!folder.exists() && MySql::find(&folder).is_none());
}

/// A server that is kept small has a redo log of 8 MiB, which no maker ships; a measurement of it would be of nobody's server.
#[test]
fn private_server_with_defaults_is_as_its_makers_ship_it() {
    if !MySql::is_installed() {
        return lab::skip("neither MariaDB nor MySQL is installed");
    }
    let sizes = |database: &MySql| {
        let sizes = "SHOW GLOBAL VARIABLES WHERE variable_name IN ('innodb_log_file_size', 'innodb_redo_log_capacity')";
        let rows = database.query(sizes).expect("variables");
        let sizes = rows.lines().filter_map(|row| row.split('\t').nth(1)?.parse().ok());
        sizes.max().unwrap_or(0_u64)
    };
    let small = MySql::start().expect("it starts");
    let mut shipped = MySql::start_with_defaults().expect("it starts");
    assert!(sizes(&small) < sizes(&shipped), "{} and {}", sizes(&small), sizes(&shipped));
    assert_eq!(shipped.query("SELECT @@innodb_flush_log_at_trx_commit").expect("a row"), "1\n");
    let size = sizes(&shipped);
    shipped.restart().expect("it stops and starts");
    assert_eq!(sizes(&shipped), size, "it is small after a restart");
}
