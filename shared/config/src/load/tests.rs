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
    assert_eq!(loaded.origin("fetch", "limit").to_string(), "environment variable COINPIPE__FETCH__LIMIT");
    assert_eq!(loaded.origin("fetch", "every"), Layer::File(path.to_path_buf()));
    assert_eq!(loaded.origin("fetch", "convert"), Layer::Default);
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
    check("COINPIPE__RETRY__DELAYS", "", &["retry.delays"]);
    check("COINPIPE__ARCHIVE__MAX_SIZE", "big", &["archive.max_size"]);
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
    check("fetch = 3\n", &["fetch"]);
    check("[fetch]\napi_key = \"hunter2\"\napi_key_file = \"/k\"\n", &["not both"]);
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
    let error = from_env(&[("COINPIPE__FETCH__API_KEY_FILE", "/nowhere/key")]).unwrap_err().to_string();
    assert!(error.contains("fetch.api_key_file") && error.contains("/nowhere/key"), "{error}");
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
