//! Running the real programs: in an empty folder, with arguments, environment and signals.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// The deadline for whatever a program should do. Long, because a loaded machine is slow.
pub(crate) const DEADLINE: Duration = Duration::from_mins(2);

/// The program `name`, built beside this test.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test has a path");
    let folder = test.parent().and_then(Path::parent).expect("target/PROFILE/deps");
    let path = folder.join(name);
    assert!(path.exists(), "{} is not built; run `cargo xtask test`", path.display());
    path
}

/// An empty folder to run programs in.
pub(crate) struct Folder(pub TempDir);

/// How a program ended, and what it said.
pub(crate) struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in:\n{}", self.stdout))
    }
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn command(&self, name: &str, args: &[&str], env: &[(&str, &str)]) -> Command {
        let mut command = Command::new(program(name));
        command.args(args).current_dir(self.0.path()).env_clear().envs(env.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    pub(crate) async fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Ended {
        let child = self.command("coinpipe", args, env).spawn().expect("it starts");
        let output =
            tokio::time::timeout(DEADLINE, child.wait_with_output()).await.expect("it ends").expect("it ran");
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(crate) async fn status(&self) -> Value {
        self.run(&["status", "--json"], &[]).await.expect(0).json()
    }
}

/// Sends a signal by name (`TERM`), as a shell does.
pub(crate) async fn signal(child: &Child, name: &str) {
    let id = child.id().expect("it still runs").to_string();
    let status = Command::new("kill").args([&format!("-{name}"), &id]).status().await.expect("kill runs");
    assert!(status.success());
}

/// Waits for the end of `child`, whose stderr was taken.
pub(crate) async fn end(mut child: Child) -> Option<i32> {
    tokio::time::timeout(DEADLINE, child.wait()).await.expect("it ends").expect("it ran").code()
}

/// Waits until a line of stderr contains `text`; the rest is read away in the background.
pub(crate) async fn until_said(child: &mut Child, text: &str) -> String {
    let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
    let mut seen = String::new();
    let found = tokio::time::timeout(DEADLINE, async {
        while let Some(line) = lines.next_line().await.expect("stderr can be read") {
            seen.push_str(&line);
            seen.push('\n');
            if line.contains(text) {
                return Some(line);
            }
        }
        None
    });
    let Some(line) = found.await.ok().flatten() else { panic!("it never said {text:?}, but:\n{seen}") };
    tokio::spawn(async move {
        let mut rest = String::new();
        let _ = lines.into_inner().read_to_string(&mut rest).await;
    });
    line
}
