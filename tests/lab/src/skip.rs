//! A test that cannot run here says so, where it is seen and where `cargo xtask test` counts it.

use std::io::Write;

/// Says that the calling test does not run, and why; the test then returns.
///
/// The line goes to the real stderr, which libtest does not capture, and to the file that
/// `COINPIPE_TEST_SKIPPED` names, if any. With `CI=true` nothing may be skipped: it panics.
///
/// ```no_run
/// # fn the_test() {
/// let Ok(moon) = std::fs::read_dir("/moon") else {
///     return lab::skip("there is no moon");
/// };
/// # }
/// ```
#[track_caller]
pub fn skip(why: &str) {
    let line = format!("skipped: {}: {why}\n", test_name(std::panic::Location::caller()));
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!ci, "nothing may be skipped when CI=true: {why}");
    // One write each, so that lines of parallel tests do not mix. The direct write is not captured.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("COINPIPE_TEST_SKIPPED") {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        assert!(written.is_ok(), "cannot note a skipped test in {}: {written:?}", path.display());
    }
}

/// The running test: nextest tells its name, libtest names the thread after it.
fn test_name(called_at: &std::panic::Location<'_>) -> String {
    if let Ok(name) = std::env::var("NEXTEST_TEST_NAME") {
        return name;
    }
    match std::thread::current().name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => format!("{}:{}", called_at.file(), called_at.line()),
    }
}
