//! What is shown holds no secret, and means the same when it is read back.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::DEFAULT_TOML;
use crate::load::load;

/// What secrets in these tests have in them.
const SECRET: &str = "hunter2";

fn texts(texts: &'static [&'static str]) -> BoxedStrategy<Value> {
    select(texts).prop_map(|text| Value::String(text.to_owned())).boxed()
}

/// Anything that may stand in a file, quotes and line breaks included.
fn any_text() -> BoxedStrategy<Value> {
    "[ -~äß🚀\n\t'\"\\\\#=\\[\\]{}]{0,12}".prop_map(Value::String).boxed()
}

fn integer(range: std::ops::Range<i64>) -> BoxedStrategy<Value> {
    range.prop_map(Value::Integer).boxed()
}

/// Keys of settings that may be any duration.
const DURATIONS: [&str; 11] = [
    "lease",
    "keep",
    "timeout",
    "connect_timeout",
    "deadline",
    "incomplete_after",
    "clean_after",
    "group_wait",
    "digest_every",
    "repeat_after",
    "drain",
];

/// Valid values of `section.key`, or what says nothing; `folder` holds files with secrets. A new setting needs its own.
fn values(section: &str, key: &str, folder: &Path) -> BoxedStrategy<Value> {
    let file = |name: &str| {
        let path = folder.join(name).display().to_string();
        select(vec![String::new(), path]).prop_map(Value::String).boxed()
    };
    match (section, key) {
        ("queue", "url") => texts(&[
            "",
            "sqlite:my file.db",
            "sqlite://a'b",
            "amqp://me:hunter2@rabbit/%2f?heartbeat=5",
            "amqps://rabbit",
        ]),
        ("store", "url") => texts(&[
            "",
            "sqlite:///tmp/x#y.db",
            "mysql://me:hunter2@db/c?ssl-mode=required",
            "mysql://me@db/coins",
        ]),
        ("import", "url") => texts(&["", "mysql://me:hunter2@db/coins", "mysql://me@db/coins"]),
        ("mail", "url") => {
            texts(&["", "off", "log:", "smtps://me:hunter2@mail", "smtps://me:a?hunter2@mail"])
        }
        ("queue" | "store" | "import", "url_file") => file(section),
        ("mail", "url_file") => file("mail"),
        ("fetch", "api_key_file") => file("key"),
        ("fetch", "api_key") => texts(&["", " ", "hunter2", "'hunter2'", "\"hunter2\"#"]),
        ("queue", "prefix") => texts(&["", "coinpipe", "my.other-one_2"]),
        ("queue" | "archive", "max_size") => texts(&["", "1MiB", "4 GiB", "5000000"]),
        ("queue", "delivery_limit") | ("retry", "attempts") | ("mail", "max_per_hour" | "max_per_day") => {
            integer(1..100)
        }
        ("store", "connections") | ("transform" | "load", "concurrency") => integer(1..100),
        ("fetch", "limit" | "page_size") | ("transform", "chunk_coins") => integer(1..5000),
        ("fetch", "base_url") => texts(&["", "https://x.example/a", "http://[::1]:80"]),
        ("telemetry", "otlp_url") => texts(&["", "off", "http://127.0.0.1:4318"]),
        ("fetch", "api_version") => texts(&["", "v1", "v3"]),
        ("fetch", "source") => texts(&["", "auto", "keyless"]),
        ("desk", "keep") => texts(&["", "off", "0s", "30days"]),
        ("alert", "disk_free") => texts(&["", "off", "1MiB", "4 GiB"]),
        ("alert", "stale_after") => texts(&["", "auto", "off", "0s", "3h", "90m"]),
        ("alert", "webhook" | "heartbeat_url") => {
            texts(&["", "off", "https://example.com/hunter2", "http://127.0.0.1:1/hunter2?k=v"])
        }
        ("alert", "webhook_secret") => {
            texts(&["", "off", "hunter2hunter2hunter2", "whsec_aHVudGVyMmh1bnRlcjI="])
        }
        ("alert", "webhook_file" | "heartbeat_url_file") => file("hook"),
        ("alert", "webhook_secret_file") => file("signs"),
        ("alert", "resolve_after") => texts(&["", "off", "7d", "90m"]),
        ("alert", "quiet_hours") => texts(&["", "off", "22:00-07:00", "1:00-2:30 Europe/Berlin"]),
        ("alert", "restarts") => texts(&["", "off", "5 in 15m", " 2 in 1h 30m"]),
        ("alert", "summary") => texts(&["", "off", "daily", "weekly"]),
        ("fetch", "offset") => texts(&["", "spread", "off", "0s", "1m 30s"]),
        ("fetch", "catch_up") => texts(&["", "none", "last", "all"]),
        ("fetch", "over_budget") => texts(&["", "refuse", "warn", "allow"]),
        ("fetch", "ids") => texts(&["", "1", "1027, 1,1027"]),
        ("fetch", "convert_calls") => texts(&["", "one", "each", "auto"]),
        ("fetch", "convert") => texts(&["", "USD", "usd, eur", "1INCH"]),
        ("http", "token") => texts(&["", "off", "hunter2-may-read-it"]),
        ("http", "operator_token") => texts(&["", "off", "hunter2-may-act-too"]),
        ("http", "token_file") => file("reads"),
        ("http", "operator_token_file") => file("acts"),
        ("http", "base_path") => texts(&["", "off", "/coinpipe", "/a/b-2"]),
        ("http", "public_url") => texts(&["", "off", "https://coins.example.com/", "http://[::1]:8080"]),
        ("http", "environment") => texts(&["", "off", "staging", "Ärger \"2\""]),
        ("http", "hide") => prop::collection::vec(select(&["x-trace", "contract_address", "tags"][..]), 0..3)
            .prop_map(|names| Value::Array(names.into_iter().map(Value::from).collect()))
            .boxed(),
        ("http", "listen") => texts(&["", "off", "0.0.0.0:1", "[::]:9464", "127.0.0.1:9464"]),
        ("log", "level") => texts(&["", "info", "warn,sqlx=debug"]),
        ("log", "format") => texts(&["", "auto", "json"]),
        ("queue", "ca_file") | ("fetch", "spool") | ("mail", "from" | "to") => any_text(),
        ("retry", "delays") => prop::collection::vec(select(&["1s", "2 min", "1h 30m"][..]), 1..4)
            .prop_map(|delays| Value::Array(delays.into_iter().map(Value::from).collect()))
            .boxed(),
        ("fetch", "every") => texts(&["", "1h", "90s"]),
        ("market", _) => texts(&["", "off", "15m", "24h"]),
        ("judge", "tries") => integer(1..10),
        ("judge", "jump") => integer(2..1000),
        ("alert", "plan_credits") => integer(0..10_000_000),
        ("judge", "missing" | "repeated" | "top_missing" | "fewer" | "still" | "nulls" | "jumped")
        | ("alert", "rejected") => texts(&["", "off", "0%", "12.5 %"]),
        ("judge", "wait") => texts(&["", "0s", "90s"]),
        ("judge", "quote_age" | "clock") | ("history", "keep") | ("alert", "stuck_after") => {
            texts(&["", "off", "0s", "90s"])
        }
        (_, key) if DURATIONS.contains(&key) => texts(&["", "10s", "1h 30m", "5m"]),
        _ => panic!("no values for {section}.{key}"),
    }
}

/// Every setting that there is, some in a file, some in the environment, some nowhere.
fn layers(folder: &Path) -> impl Strategy<Value = Vec<(String, String, Value, u8)>> {
    let mut settings = Vec::new();
    for (section, keys) in defaults() {
        for key in keys.as_table().unwrap().keys() {
            let place = 0..3_u8;
            let values = values(&section, key, folder);
            settings.push((Just(section.clone()), Just(key.clone()), values, place));
        }
    }
    settings
}

fn is_hidden(setting: &Setting) -> bool {
    setting.shown.contains("***") && !setting.is_from_file
}

fn read_back(text: &str, env: Vec<(String, String)>) -> Result<Loaded, ConfigError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    load(Some(file.path()), env)
}

fn check_reading_back(layers: Vec<(String, String, Value, u8)>, folder: &Path) -> Result<(), TestCaseError> {
    let mut file = Table::new();
    let mut env = Vec::new();
    for (section, key, value, place) in layers {
        match place {
            0 => {
                let keys = file.entry(section).or_insert_with(|| Value::Table(Table::new()));
                keys.as_table_mut().unwrap().insert(key, value);
            }
            1 => {
                let text = match value {
                    Value::Array(items) => {
                        items.iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>().join(",")
                    }
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                env.push((crate::environment::variable(&section, &key), text));
            }
            _ => {}
        }
    }
    let path = folder.join("c.toml");
    std::fs::write(&path, file.to_string()).unwrap();
    let loaded = match load(Some(&path), env) {
        Ok(loaded) => loaded,
        // A secret and its file in one layer.
        Err(error) => {
            prop_assert!(error.to_string().contains("not both"), "{}", error);
            return Err(TestCaseError::reject("a contradiction"));
        }
    };
    let text = loaded.to_toml();
    prop_assert!(!text.contains(SECRET), "{}", text);
    prop_assert!(!format!("{loaded:?}").contains(SECRET), "{:?}", loaded);

    let hidden: Vec<_> = loaded.settings().into_iter().filter(is_hidden).collect();
    if let Some(first) = hidden.first() {
        let refused = read_back(&text, Vec::new()).expect_err("*** was taken for a secret").to_string();
        prop_assert!(refused.contains(&first.name), "{} in {}", first.name, refused);
    }
    let secrets = hidden.iter().map(|setting| {
        let (section, key) = setting.name.split_once('.').unwrap();
        let secret = loaded.table[section][key].as_str().unwrap().to_owned();
        (crate::environment::variable(section, key), secret)
    });
    let again = read_back(&text, secrets.collect())
        .map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
    // `SecretUrl` and `Secret` compare what they hide.
    prop_assert!(again.config == loaded.config, "{:?}\nbecame\n{:?}", loaded, again);
    let shown = |loaded: &Loaded| {
        loaded.settings().into_iter().map(|setting| (setting.name, setting.shown)).collect::<Vec<_>>()
    };
    prop_assert_eq!(shown(&again), shown(&loaded));
    Ok(())
}

#[test]
fn what_is_shown_can_be_read_back_and_means_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for (name, secret) in [
        ("queue", "amqp://me:hunter2@rabbit\n"),
        ("store", "sqlite://plain.db"),
        ("import", "mysql://me:hunter2@db/coins\r\n"),
        ("mail", "off\n"),
        ("key", "hunter2"),
        ("hook", "https://example.com/hunter2\n"),
        ("signs", "hunter2hunter2hunter2"),
        ("reads", "hunter2 is read from a file".replace(' ', "-").as_str()),
        ("acts", "off\n"),
    ] {
        std::fs::write(folder.path().join(name), secret).unwrap();
    }
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        max_global_rejects: 100_000,
        ..ProptestConfig::with_cases(300)
    });
    let checked = runner.run(&layers(folder.path()), |layers| check_reading_back(layers, folder.path()));
    checked.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_file_that_repeats_a_default_decides_nothing_and_a_variable_does() {
    let chosen = |file: &str, env: &[(&str, &str)]| {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), file).unwrap();
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        load(Some(path.path()), env).unwrap().is_chosen("http", "listen")
    };
    assert!(!chosen(DEFAULT_TOML, &[]));
    assert!(!chosen("", &[]));
    assert!(chosen("[http]\nlisten = \"127.0.0.1:1\"", &[]));
    assert!(chosen("", &[("COINPIPE__HTTP__LISTEN", "127.0.0.1:9464")]));
}

#[test]
fn the_name_of_a_file_cannot_become_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c\nfetch.limit = 1\n.toml");
    std::fs::write(&path, "fetch.every = \"2h\"").unwrap();
    let shown = load(Some(&path), []).unwrap().to_toml();
    let again = read_back(&shown, Vec::new()).unwrap();
    assert_eq!((again.config.fetch.limit, again.config.fetch.every.as_secs()), (4000, 7200));
}
