//! The real programs, as long as a test needs them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::http;

/// A program that serves the site.
pub(crate) struct Served {
    child: Child,
    /// Host and port.
    pub(crate) authority: String,
    _folder: TempDir,
}

/// The store in a folder, and the queue.
pub(crate) fn store(folder: &Path) -> PathBuf {
    folder.join("coinpipe.db")
}

impl Served {
    /// The site of `name` (`alerter`, or `coinpipe` with all stages) over the store in `folder`, with these settings.
    pub(crate) fn by(name: &str, folder: TempDir, settings: &[(&str, &str)]) -> Self {
        let test = std::env::current_exe().expect("this test has a path");
        let programs = test.parent().and_then(Path::parent).expect("target/PROFILE/deps");
        let program = programs.join(name);
        assert!(program.exists(), "{} is not built; run `cargo xtask test`", program.display());
        let mut command = Command::new(program);
        command
            .current_dir(folder.path())
            .env_clear()
            .env("COINPIPE__HTTP__LISTEN", "127.0.0.1:0")
            .env("COINPIPE__LOG__FORMAT", "json")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        let address = |line: &str| {
            let line: Value = serde_json::from_str(line).ok()?;
            Some(line["address"].as_str()?.to_owned())
        };
        let mut said = Vec::new();
        let found = lines.by_ref().map_while(Result::ok).inspect(|line| said.push(line.clone()));
        let found = found.map(|line| address(&line)).find(Option::is_some).flatten();
        let authority = found.unwrap_or_else(|| panic!("it serves nothing: {said:#?}"));
        // Else it would stop at a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let served = Self { child, authority, _folder: folder };
        served.wait_until("/login", |status| status != 503);
        served
    }

    /// The address of `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.authority)
    }

    /// Asks for `path` until `is_right` of the status of the answer.
    pub(crate) fn wait_until(&self, path: &str, is_right: impl Fn(u16) -> bool) {
        self.wait_for(path, |answer| is_right(answer.status));
    }

    /// Asks for `path` until `is_right` of the answer.
    pub(crate) fn wait_for(&self, path: &str, is_right: impl Fn(&http::Answer) -> bool) {
        lab::wait_until(path, || is_right(&http::ask(&self.authority, "GET", path, "").expect("it answers")));
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
