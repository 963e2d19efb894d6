use super::*;

fn from_env(variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    load(None, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

/// A file that holds `content` for as long as the test has it.
fn file(content: &str) -> tempfile::TempPath {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    file.into_temp_path()
}

#[test]
fn later_layers_win_and_each_value_knows_its_layer() {
    let path = file("[fetch]\nevery = \"30m\"\nlimit = 200\n");
    let env = [("COINPIPE__FETCH__LIMIT".to_owned(), "100".to_owned())];
    let loaded = load(Some(&path), env).unwrap();
    assert_eq!(loaded.config.fetch.limit, 100);
    assert_eq!(loaded.config.fetch.every.as_secs(), 1800);
    assert_eq!(loaded.layer("fetch", "limit").to_string(), "environment variable COINPIPE__FETCH__LIMIT");
    assert_eq!(loaded.layer("fetch", "every"), Layer::File(path.to_path_buf()));
    assert_eq!(loaded.layer("fetch", "convert"), Layer::Default);
    assert_eq!(
        from_env(&[("COINPIPE__FETCH__CONVERT", "usd, eur")]).unwrap().config.fetch.convert,
        ["USD", "EUR"]
    );
}

#[test]
fn every_mistake_names_the_key_the_section_and_the_layer() {
    let check = |name: &str, value: &str, parts: &[&str]| {
        let error = from_env(&[(name, value)]).expect_err(name).to_string();
        for part in parts.iter().chain([&name]) {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
    };
    check("COINPIPE__FETCH__EVRY", "1h", &["evry", "[fetch]", "every"]);
    check("COINPIPE__FETSH__EVERY", "1h", &["[fetsh]", "queue"]);
    check("COINPIPE__FETCH", "1h", &["[fetch]"]);
    check("COINPIPE__FETCH__EVERY", "often", &["fetch.every", "often"]);
    check("COINPIPE__FETCH__EVERY", "1s", &["fetch.every", "at least"]);
    check("COINPIPE__FETCH__LIMIT", "many", &["fetch.limit", "many"]);
    check("COINPIPE__FETCH__LIMIT", "-1", &["fetch.limit"]);
    check("COINPIPE__FETCH__PAGE_SIZE", "5001", &["fetch.page_size", "5000"]);
    check("COINPIPE__FETCH__CONVERT", "USD,USD", &["fetch.convert", "twice"]);
    check("COINPIPE__FETCH__API_VERSION", "v2", &["fetch.api_version", "v1", "v3"]);
    check("COINPIPE__FETCH__BASE_URL", "ftp://x", &["fetch.base_url", "https://"]);
    check("COINPIPE__FETCH__CONVERT", "usd,USD", &["fetch.convert", "twice"]);
    check("COINPIPE__LOG__LEVEL", "inof", &["log.level", "inof", "info"]);
    check("COINPIPE__LOG__LEVEL", "info,sqlx=wran", &["log.level", "wran"]);
    check("COINPIPE__FETCH__BASE_URL", "https://x.example/?key=1", &["fetch.base_url", "query"]);
    check("COINPIPE__FETCH__API_KEY", "two\nlines", &["fetch.api_key", "one word"]);
    check("COINPIPE__QUEUE__URL", "redis://x", &["queue.url", "sqlite"]);
    check("COINPIPE__HTTP__LISTEN", "nine", &["http.listen"]);
    check("COINPIPE__RETRY__DELAYS", ",", &["retry.delays"]);
    check("COINPIPE_FETCH__EVERY", "1h", &["no setting", "COINPIPE__FETCH__EVERY"]);
    check("COINPIPE_FETCH__EVRY", "1h", &["no setting", "two underscores"]);
    check("COINPIPE__FETCH__EVRY", "", &["evry"]);
    check("COINPIPE__ARCHIVE__MAX_SIZE", "big", &["archive.max_size"]);
}

/// What is a slip of the pen would keep everything back, and say nothing; what is allowed at most is taken.
#[test]
fn a_wait_that_would_keep_everything_back_is_a_mistake() {
    for (section, key, most, beyond) in [
        ("alert", "incomplete_after", "30d", "31d"),
        ("alert", "stuck_after", "30d", "31d"),
        ("alert", "stale_after", "365d", "366d"),
        ("alert", "resolve_after", "365d", "366d"),
        ("desk", "clean_after", "30d", "31d"),
        ("mail", "repeat_after", "30d", "31d"),
        ("mail", "group_wait", "24h", "24h 1s"),
        ("mail", "digest_every", "24h", "24h 1s"),
        ("mail", "timeout", "24h", "24h 1s"),
    ] {
        let name = format!("COINPIPE__{}__{}", section.to_uppercase(), key.to_uppercase());
        from_env(&[(&name, most)]).unwrap_or_else(|error| panic!("{name}={most}: {error}"));
        let error = from_env(&[(&name, beyond)]).expect_err(&name).to_string();
        let told = error.contains(&format!("{section}.{key}")) && error.contains("must be at most");
        assert!(told, "{name}={beyond}: {error}");
    }
}

#[test]
fn mistakes_in_a_file_name_the_file_and_show_no_line_of_it() {
    let check = |content: &str, parts: &[&str]| {
        let path = file(content);
        let error = load(Some(&path), []).expect_err(content).to_string();
        for part in parts.iter().chain([&path.to_str().unwrap()]) {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
        assert!(!error.contains("hunter2"), "{error}");
    };
    check("[fetch]\napi_key = hunter2\n", &["line 2"]);
    check("[fetch]\nlimit = \"5\"\n", &["fetch.limit", "whole number"]);
    check("[fetch]\nkey = \"hunter2\"\n", &["key", "[fetch]", "api_key"]);
    check("[fetch]\n\n!hunter2\n", &["line 3"]);
    check("fetch = 3\n", &["fetch"]);
    check("[fetch]\nevery = \"1h\"\nevery = \"2h\"\n", &["line 3", "duplicate key"]);
    check("[fetch]\n[store]\n[fetch]\n", &["line 3", "duplicate"]);
    check("[fetch]\napi_key.x = \"hunter2\"\n", &["fetch.api_key", "text in quotes"]);
    check(
        "[fetch]\napi_key = \"hunter2\"\napi_key_file = \"/k\"\n",
        &["either api_key_file or api_key, not both"],
    );
    let error = load(Some(Path::new("/nowhere/c.toml")), []).unwrap_err().to_string();
    assert!(error.contains("/nowhere/c.toml"), "{error}");
}

#[test]
fn a_secret_comes_from_its_file_or_the_community_s_variable_and_never_shows() {
    let path = file("hunter2\n");
    let path = path.to_str().unwrap();
    let check = |variables: &[(&str, &str)], key: &str| {
        let loaded = from_env(variables).unwrap();
        assert_eq!(loaded.config.fetch.api_key.expose(), key);
        let shown = format!("{:?} {:?}", loaded.settings(), loaded.config);
        assert!(!shown.contains("hunter"), "{shown}");
    };
    check(&[("COINPIPE__FETCH__API_KEY_FILE", path)], "hunter2");
    check(&[("CMC_API_KEY", "hunter3")], "hunter3");
    check(&[("CMC_API_KEY", "hunter3"), ("COINPIPE__FETCH__API_KEY", "hunter4")], "hunter4");
    check(&[("CMC_API_KEY", "hunter3"), ("COINPIPE__FETCH__API_KEY_FILE", path)], "hunter2");
    for (name, secret) in [
        ("COINPIPE__FETCH__API_KEY_FILE", "9d0e0d5c-hunter5-4f6c"),
        ("COINPIPE__STORE__URL_FILE", "mysql://u:hunter6@h/x"),
    ] {
        let error = from_env(&[(name, secret)]).unwrap_err().to_string();
        assert!(!error.contains("hunter") && error.contains("it may be the secret itself"), "{error}");
    }
    let error = from_env(&[("COINPIPE__FETCH__API_KEY_FILE", "/nowhere/key")]).unwrap_err().to_string();
    assert!(error.contains("fetch.api_key_file") && error.contains("/nowhere/key"), "{error}");
}

#[test]
fn one_token_for_reading_and_acting_is_a_mistake() {
    let tokens = [
        ("COINPIPE__HTTP__TOKEN", "hunter2hunter2hunter2"),
        ("COINPIPE__HTTP__OPERATOR_TOKEN", "hunter2hunter2hunter2"),
    ];
    let error = from_env(&tokens).expect_err("was taken").to_string();
    assert!(error.contains("http.operator_token") && error.contains(tokens[1].0), "{error}");
    assert!(error.contains("http.token") && !error.contains("hunter2"), "{error}");
    from_env(&tokens[..1]).unwrap();
    from_env(&tokens[1..]).unwrap();
    from_env(&[("COINPIPE__HTTP__TOKEN", "off"), ("COINPIPE__HTTP__OPERATOR_TOKEN", "off")]).unwrap();
}

#[test]
fn a_url_s_password_does_not_show() {
    let loaded = from_env(&[("COINPIPE__MAIL__URL", "smtps://me:hunter2@mail.example")]).unwrap();
    let mail = loaded.settings().into_iter().find(|setting| setting.name == "mail.url").unwrap();
    assert_eq!(mail.shown, "\"smtps://me:***@mail.example\"");
}

#[test]
fn other_variables_are_none_of_our_business() {
    assert!(from_env(&[("PATH", "/bin"), ("COINPIPE_FAILPOINT", "x"), ("HOME", "/")]).is_ok());
}

/// The deepest nesting that a file of the largest size can hold: parser, tables and their end must all survive it.
#[test]
fn no_depth_of_a_file_is_deadly() {
    let most = usize::try_from(LARGEST_FILE).unwrap() - 100;
    let deep = "a.".repeat(79) + "a = ";
    for content in [
        format!("a = {}", "[".repeat(most)),
        format!("a = {}", "{a = ".repeat(most / 5)),
        format!("{}a = 1", "a.".repeat(most / 2)),
        format!("[{}a]", "a.".repeat(most / 2)),
        format!("a = {}1{}", "[".repeat(78), "]".repeat(78)),
        format!("[{}a]\n{deep}{}1{}", "b.".repeat(79), "{".to_owned() + &deep, "}"),
        format!("{deep}{}1{}", format!("{{ {deep}").repeat(78), "}".repeat(78)),
        format!("[[{}a]]\n", "b.".repeat(79)).repeat(1000),
    ] {
        let path = file(&content);
        let start: String = content.chars().take(20).collect();
        assert!(load(Some(&path), []).is_err(), "{start}");
    }
}

#[test]
fn files_of_all_makes_are_read() {
    for content in [
        "\u{feff}[fetch]\nlimit = 7\n",
        "[fetch]\r\nlimit = 7\r\n",
        "fetch.limit = 7",
        "fetch = { limit = 7 }",
    ] {
        assert_eq!(load(Some(&file(content)), []).unwrap().config.fetch.limit, 7, "{content:?}");
    }
    for (bytes, says) in [(&b"[fetch]\napi_key = \"\xff\""[..], "UTF-8"), (&b"#".repeat(2 << 20), "larger")] {
        let path = file("");
        std::fs::write(&path, bytes).unwrap();
        let error = load(Some(&path), []).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains(path.to_str().unwrap()), "{error}");
    }
    for path in ["/", "/dev/zero"] {
        let error = load(Some(Path::new(path)), []).unwrap_err().to_string();
        assert!(error.contains(path), "{error}");
    }
}

/// Filled in is what is not empty: `default.toml` names every key, and leaves many empty.
#[test]
fn a_copy_of_the_defaults_that_was_filled_in_means_what_it_says() {
    let key = file("hunter2\n");
    let check = |filled: &[(&str, &str, &str)], env: &[(&str, &str)], is_right: &dyn Fn(&Config) -> bool| {
        let mut copy = crate::DEFAULT_TOML.to_owned();
        for (section, from, to) in filled {
            let at = copy.find(&format!("[{section}]")).unwrap();
            let (before, rest) = copy.split_at(at);
            assert!(rest.contains(from), "{from}");
            copy = format!("{before}{}", rest.replacen(from, to, 1));
        }
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let loaded = load(Some(&file(&copy)), env).unwrap();
        assert!(is_right(&loaded.config), "{filled:?}: {loaded:?}");
    };
    let api_key = &[("fetch", "\napi_key = \"\"", "\napi_key = \"k\"")][..];
    check(&[], &[], &|config| *config == Config::defaults());
    check(api_key, &[], &|config| config.fetch.api_key.expose() == "k");
    check(api_key, &[("CMC_API_KEY", "")], &|config| config.fetch.api_key.expose() == "k");
    check(api_key, &[("COINPIPE__FETCH__API_KEY", " ")], &|config| config.fetch.api_key.expose() == "k");
    check(api_key, &[("COINPIPE__FETCH__API_KEY_FILE", "")], &|config| config.fetch.api_key.expose() == "k");
    check(api_key, &[("CMC_API_KEY", "k2")], &|config| config.fetch.api_key.expose() == "k2");
    let key_file = format!("\napi_key_file = {:?}", key.display().to_string());
    let key_file = &[("fetch", "\napi_key_file = \"\"", key_file.as_str())][..];
    check(key_file, &[], &|config| config.fetch.api_key.expose() == "hunter2");
    check(key_file, &[("COINPIPE__FETCH__API_KEY", "")], &|config| {
        config.fetch.api_key.expose() == "hunter2"
    });
    check(key_file, &[("COINPIPE__FETCH__API_KEY", "k")], &|config| config.fetch.api_key.expose() == "k");
    let store = &[("store", "\"sqlite://coinpipe.db\"", "\"mysql://me@db/coins\"")][..];
    check(store, &[("COINPIPE__STORE__URL", "")], &|config| {
        config.store.url.expose() == "mysql://me@db/coins"
    });
    let mail = &[("mail", "\nurl = \"\"", "\nurl = \"log:\"")][..];
    check(mail, &[], &|config| config.mail.url.expose() == "log:");
    check(mail, &[("COINPIPE__MAIL__URL", "off")], &|config| config.mail.is_off());
    check(&[], &[("COINPIPE__RETRY__DELAYS", ""), ("COINPIPE__FETCH__LIMIT", "")], &|config| {
        *config == Config::defaults()
    });
}

#[test]
fn what_can_be_off_can_be_turned_off_by_a_later_layer() {
    let path = file("[http]\nlisten = \"127.0.0.1:1\"\n[telemetry]\notlp_url = \"http://collector\"\n");
    let listen = |value: &str| {
        let env = [("COINPIPE__HTTP__LISTEN".to_owned(), value.to_owned())];
        load(Some(&path), env).unwrap().config.http.listen
    };
    assert_eq!([listen(""), listen("off"), listen("127.0.0.1:2")], ["", "", "127.0.0.1:2"]);
    let otlp_url = |value: &str| {
        let env = [("COINPIPE__TELEMETRY__OTLP_URL".to_owned(), value.to_owned())];
        load(Some(&path), env).unwrap().config.telemetry.otlp_url
    };
    assert_eq!([otlp_url(""), otlp_url("off")], ["http://collector", ""]);
}

#[test]
fn a_duration_that_can_be_off_is_off_by_that_word_and_by_zero_alike() {
    let is_zero = |name: &str, value: &str| {
        let config = from_env(&[(name, value)]).map_err(|error| error.to_string())?.config;
        Ok(match name {
            "COINPIPE__JUDGE__QUOTE_AGE" => config.judge.quote_age.is_zero(),
            "COINPIPE__JUDGE__CLOCK" => config.judge.clock.is_zero(),
            "COINPIPE__HISTORY__KEEP" => config.history.keep.is_zero(),
            _ => config.fetch.offset == crate::Offset::After(std::time::Duration::ZERO),
        })
    };
    for name in [
        "COINPIPE__JUDGE__QUOTE_AGE",
        "COINPIPE__JUDGE__CLOCK",
        "COINPIPE__HISTORY__KEEP",
        "COINPIPE__FETCH__OFFSET",
    ] {
        for (value, zero) in [("off", true), ("0s", true), ("90s", false)] {
            assert_eq!(is_zero(name, value), Ok(zero), "{name}={value}");
        }
        let refused: String = is_zero(name, "never").unwrap_err();
        assert!(refused.contains("\"off\"") && refused.contains("such as \"30s\""), "{refused}");
    }
    // What cannot be off does not take the word.
    assert!(from_env(&[("COINPIPE__FETCH__EVERY", "off")]).is_err());
}

/// Field case 14: secrets and addresses as people paste them, in each layer.
#[test]
fn quotes_around_a_secret_or_an_address_are_dropped() {
    let key = file("\"hunter2\"\n");
    let quoted = file("[fetch]\napi_key = \"'hunter2'\"\n[store]\nurl = \"'mysql://me:hunter2@db/c'\"\n");
    let key_of = |loaded: Loaded| loaded.config.fetch.api_key.expose().to_owned();
    for (name, value) in [
        ("CMC_API_KEY", "\"hunter2\""),
        ("COINPIPE__FETCH__API_KEY", "'hunter2'"),
        ("COINPIPE__FETCH__API_KEY_FILE", key.to_str().unwrap()),
    ] {
        assert_eq!(key_of(from_env(&[(name, value)]).unwrap()), "hunter2", "{name}");
    }
    let loaded = load(Some(&quoted), []).unwrap();
    assert_eq!(loaded.config.store.url.expose(), "mysql://me:hunter2@db/c");
    assert_eq!(key_of(loaded), "hunter2");
    let loaded = from_env(&[
        ("COINPIPE__QUEUE__URL", "'amqp://me:hunter2@rabbit'"),
        ("COINPIPE__IMPORT__URL", "\"mysql://me:hunter2@db/c\""),
        ("COINPIPE__MAIL__URL", "\"off\""),
        ("COINPIPE__FETCH__BASE_URL", "\"https://x.example\""),
        ("COINPIPE__TELEMETRY__OTLP_URL", "\"http://127.0.0.1:4318\""),
        ("COINPIPE__HTTP__LISTEN", "\"127.0.0.1:1\""),
    ])
    .unwrap();
    let config = &loaded.config;
    assert_eq!(config.queue.url.expose(), "amqp://me:hunter2@rabbit");
    assert_eq!(config.import.url.expose(), "mysql://me:hunter2@db/c");
    assert!(config.mail.is_off());
    assert_eq!(config.fetch.base_url, "https://x.example");
    assert_eq!(config.telemetry.otlp_url, "http://127.0.0.1:4318");
    assert_eq!(config.http.listen, "127.0.0.1:1");
    // Quotes around nothing say nothing.
    assert!(from_env(&[("CMC_API_KEY", "\"\"")]).unwrap().config.fetch.api_key.is_empty());
    let empty = file("''\n");
    assert!(from_env(&[("COINPIPE__FETCH__API_KEY_FILE", empty.to_str().unwrap())]).is_err());
}

#[test]
fn a_secret_or_an_address_with_its_name_before_it_is_refused_by_name_and_does_not_show() {
    let named = file("CMC_API_KEY=hunter2\nOTHER=1\n");
    let url = file("export URL='mysql://me:hunter2@db/c'");
    for (name, value, setting) in [
        ("COINPIPE__FETCH__API_KEY", "CMC_API_KEY=hunter2", "fetch.api_key"),
        ("COINPIPE__FETCH__API_KEY_FILE", named.to_str().unwrap(), "fetch.api_key"),
        ("COINPIPE__QUEUE__URL", "url=amqp://me:hunter2@rabbit", "queue.url"),
        ("COINPIPE__STORE__URL_FILE", url.to_str().unwrap(), "store.url"),
        ("COINPIPE__IMPORT__URL", "URL = mysql://me:hunter2@db/c", "import.url"),
        ("COINPIPE__MAIL__URL", "MAIL=smtp://me:hunter2@mail", "mail.url"),
        ("COINPIPE__FETCH__BASE_URL", "BASE_URL=https://hunter2.example", "fetch.base_url"),
        ("COINPIPE__TELEMETRY__OTLP_URL", "OTLP_URL=http://hunter2:4318", "telemetry.otlp_url"),
    ] {
        let error = from_env(&[(name, value)]).expect_err(name).to_string();
        assert!(error.contains(setting) && error.contains(name), "{error}");
        assert!(error.contains("the value alone") && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn an_address_ends_before_what_is_put_behind_it() {
    for (name, value, is_right) in [
        ("COINPIPE__FETCH__BASE_URL", "https://pro-api.coinmarketcap.com/v1", false),
        ("COINPIPE__FETCH__BASE_URL", "https://pro-api.coinmarketcap.com/v3/", false),
        ("COINPIPE__FETCH__BASE_URL", "https://x.example/a/v3/cryptocurrency/listings/latest", false),
        ("COINPIPE__FETCH__BASE_URL", "https://pro-api.coinmarketcap.com/", true),
        ("COINPIPE__FETCH__BASE_URL", "https://gateway.example/v1/coins", true),
        ("COINPIPE__TELEMETRY__OTLP_URL", "http://127.0.0.1:4318/v1/traces", false),
        ("COINPIPE__TELEMETRY__OTLP_URL", "http://127.0.0.1:4318/otlp/", true),
    ] {
        let error = from_env(&[(name, value)]).err().map(|error| error.to_string());
        assert_eq!(error.is_none(), is_right, "{value}: {error:?}");
        assert!(error.is_none_or(|error| error.contains("must end before /v")), "{value}");
    }
}

#[test]
fn two_values_for_one_setting_in_one_layer_are_a_mistake_that_names_both() {
    let key = file("hunter2");
    let check = |variables: &[(&str, &str)]| {
        let error = from_env(variables).expect_err("was taken").to_string();
        for (name, _) in variables {
            assert!(error.contains(name), "{name} is not in {error:?}");
        }
    };
    check(&[("COINPIPE__FETCH__API_KEY", "k"), ("COINPIPE__FETCH__API_KEY_FILE", key.to_str().unwrap())]);
    check(&[("COINPIPE__STORE__URL_FILE", "/x"), ("COINPIPE__STORE__URL", "sqlite://x")]);
    check(&[("COINPIPE__FETCH__EVERY", "1h"), ("COINPIPE__fetch__every", "2h")]);
    from_env(&[("COINPIPE__FETCH__EVERY", "1h"), ("COINPIPE__fetch__every", "")]).unwrap();
}

#[test]
fn a_secret_s_file_that_holds_none_is_a_mistake() {
    for content in ["", "\n", " \r\n\t"] {
        let path = file(content);
        let path = path.to_str().unwrap();
        for name in ["COINPIPE__FETCH__API_KEY_FILE", "COINPIPE__QUEUE__URL_FILE", "COINPIPE__MAIL__URL_FILE"]
        {
            let error = from_env(&[(name, path)]).unwrap_err().to_string();
            assert!(error.contains(path) && error.contains("is empty") && error.contains(name), "{error}");
        }
    }
    let error = from_env(&[("COINPIPE__FETCH__API_KEY_FILE", "/dev/zero")]).unwrap_err().to_string();
    assert!(error.contains("/dev/zero") && error.contains("larger"), "{error}");
}

#[test]
fn a_variable_with_our_name_that_is_no_setting_is_told() {
    let loaded = from_env(&[("COINPIPE_SERVICE_HOST", "10.0.0.1"), ("COINPIPE_TEST_X", "y")]).unwrap();
    let [warning] = &loaded.warnings[..] else { panic!("{:?}", loaded.warnings) };
    assert!(warning.contains("COINPIPE_SERVICE_HOST") && !warning.contains("10.0.0.1"), "{warning}");
}
