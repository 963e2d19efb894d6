//! What settings mean to the real programs: files that were copied and filled in, variables that are empty, what
//! `config` shows.

use crate::process::Folder;

/// `default.toml` with `to` in the place of the first `from` in `section`.
fn filled_in(section: &str, from: &str, to: &str, text: &str) -> String {
    let at = text.find(&format!("[{section}]")).expect("the section is there");
    let (before, rest) = text.split_at(at);
    assert!(rest.contains(from), "{from} is not in [{section}]");
    format!("{before}{}", rest.replacen(from, to, 1))
}

#[tokio::test]
async fn a_copy_of_the_defaults_is_filled_in_and_holds() {
    let folder = Folder::new();
    let copy = filled_in("fetch", "\napi_key = \"\"", "\napi_key = \"hunter2\"", config::DEFAULT_TOML);
    let copy = filled_in("store", "sqlite://coinpipe.db", "mysql://me:hunter2@db.example/coins", &copy);
    let copy = filled_in("mail", "\nurl = \"\"", "\nurl = \"log:\"", &copy);
    let copy = filled_in("mail", "\nto = \"\"", "\nto = \"you@example.com\"", &copy);
    std::fs::write(folder.0.path().join("my.toml"), copy).expect("a file");
    for env in
        [&[][..], &[("CMC_API_KEY", ""), ("COINPIPE__STORE__URL", ""), ("COINPIPE__STORE__URL_FILE", "")]]
    {
        let shown = folder.run(&["--config", "my.toml", "config"], env).await.expect(0).stdout;
        for line in [
            "fetch.api_key = \"***\"",
            "store.url = \"mysql://me:***@db.example/coins\"",
            "mail.url = \"log:\"",
            "mail.to = \"you@example.com\"",
        ] {
            let found = shown.lines().find(|shown| shown.starts_with(line));
            assert!(found.is_some_and(|line| line.ends_with("# file my.toml")), "{line} is not in:\n{shown}");
        }
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[tokio::test]
async fn what_config_shows_is_a_file_that_means_the_same_and_hides_the_secrets() {
    let folder = Folder::new();
    let env = [("COINPIPE__FETCH__LIMIT", "7"), ("COINPIPE__HTTP__LISTEN", ""), ("CMC_API_KEY", "hunter2")];
    let shown = folder.run(&["config"], &env).await.expect(0).stdout;
    std::fs::write(folder.0.path().join("c.toml"), &shown).expect("a file");
    // The key is not in it, and neither is it forgotten.
    for args in [&["--config", "c.toml", "config"][..], &["--config", "c.toml", "--once"]] {
        let refused = folder.run(args, &[]).await.expect(2);
        assert!(refused.stderr.contains("fetch.api_key in file c.toml"), "{}", refused.stderr);
    }
    let again =
        folder.run(&["--config", "c.toml", "config"], &[("CMC_API_KEY", "hunter2")]).await.expect(0).stdout;
    let values = |text: &str| {
        let values =
            text.lines().map(|line| line.split("  #").next().unwrap_or_default().trim_end().to_owned());
        values.collect::<Vec<_>>()
    };
    assert_eq!(values(&again), values(&shown));
    assert!(shown.contains("fetch.limit = 7") && shown.contains("http.listen = \"\""), "{shown}");
}

#[tokio::test]
async fn an_empty_key_file_is_a_mistake_and_no_reason_for_made_up_data() {
    let folder = Folder::new();
    std::fs::write(folder.0.path().join("key"), "\n").expect("a file");
    for args in [&["--once"][..], &["check"], &["run"]] {
        let ended = folder.run(args, &[("COINPIPE__FETCH__API_KEY_FILE", "key")]).await.expect(2);
        assert!(ended.stderr.contains("key is empty"), "{}", ended.stderr);
    }
    assert!(!folder.0.path().join("coinpipe.db").exists());
}

#[tokio::test]
async fn a_variable_that_is_none_of_ours_is_named() {
    let folder = Folder::new();
    let shown = folder.run(&["config"], &[("COINPIPE_API_KEY", "hunter2")]).await.expect(0);
    assert!(
        shown.stderr.contains("COINPIPE_API_KEY") && !shown.stderr.contains("hunter2"),
        "{}",
        shown.stderr
    );
    let quiet =
        folder.run(&["config"], &[("COINPIPE_TEST_AMQP_URL", "x"), ("COINPIPE_TARGET_CACHE", "y")]).await;
    assert_eq!(quiet.expect(0).stderr, "");
}
