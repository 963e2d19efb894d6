//! The real stage programs as processes, many of them, at one [`Place`].

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::place::{HEARTBEAT, Place};
use crate::process::{DEADLINE, program, signal};

/// A stage program that runs, or was killed. It dies with this value.
pub(crate) struct Worker {
    pub name: &'static str,
    pub child: Child,
    pub path: PathBuf,
}

impl Worker {
    /// Starts the program `name`, with settings of its own in `env`.
    pub(crate) fn start(place: &Place, name: &'static str, env: &[(&str, &str)]) -> Self {
        Self::start_with(place, name, &[], env)
    }

    /// Starts the operator's program with these arguments.
    pub(crate) fn operate(place: &Place, args: &[&str]) -> Self {
        Self::start_with(place, "coinpipe", args, &[])
    }

    /// The same, with settings of its own in `env`.
    pub(crate) fn operate_with(place: &Place, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::start_with(place, "coinpipe", args, env)
    }

    /// What the operator's program prints on stdout with these arguments.
    pub(crate) async fn print(place: &Place, args: &[&str]) -> String {
        Self::print_with(place, args, &[]).await
    }

    /// The same, with settings of its own in `env`.
    pub(crate) async fn print_with(place: &Place, args: &[&str], env: &[(&str, &str)]) -> String {
        Self::print_and_end(place, args, env, 0).await
    }

    /// The same, and it ends with this exit `code`.
    pub(crate) async fn print_and_end(
        place: &Place,
        args: &[&str],
        env: &[(&str, &str)],
        code: i32,
    ) -> String {
        let mut command = Self::command(place, "coinpipe", args, env);
        let output = tokio::time::timeout(DEADLINE, command.stderr(Stdio::inherit()).output()).await;
        let output = output.expect("it ends").expect("it ran");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Its exit code with these arguments, and what it prints on stdout.
    pub(crate) async fn ask(place: &Place, args: &[&str]) -> (Option<i32>, String) {
        let mut command = Self::command(place, "coinpipe", args, &[]);
        let output = tokio::time::timeout(DEADLINE, command.stderr(Stdio::inherit()).output()).await;
        let output = output.expect("it ends").expect("it ran");
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    }

    /// The same with all that it says, on stderr too.
    pub(crate) async fn ask_all(place: &Place, args: &[&str]) -> (Option<i32>, String) {
        let output =
            tokio::time::timeout(DEADLINE, Self::command(place, "coinpipe", args, &[]).output()).await;
        let output = output.expect("it ends").expect("it ran");
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
        (output.status.code(), said.concat())
    }

    fn start_with(place: &Place, name: &'static str, args: &[&str], env: &[(&str, &str)]) -> Self {
        let logs = std::fs::read_dir(place.folder.path()).expect("the folder").count();
        let log = place.folder.path().join(format!("{name}-{logs}.log"));
        let child = Self::command(place, name, args, env)
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { name, child, path: log }
    }

    fn command(place: &Place, name: &'static str, args: &[&str], env: &[(&str, &str)]) -> Command {
        let mut command = Command::new(program(name));
        command
            .args(args)
            .current_dir(place.folder.path())
            .env_clear()
            .envs([
                ("COINPIPE__QUEUE__URL", place.queue_url.as_str()),
                ("COINPIPE__STORE__URL", place.store_url.as_str()),
                ("COINPIPE__QUEUE__LEASE", &format!("{HEARTBEAT}s")),
                // Many small chunks: more to lose.
                ("COINPIPE__TRANSFORM__CHUNK_COINS", "50"),
                ("COINPIPE__QUEUE__DELIVERY_LIMIT", &place.delivery_limit.to_string()),
                ("COINPIPE__STORE__TIMEOUT", "3s"),
                ("COINPIPE__HTTP__LISTEN", ""),
                // Some disks of tests are small, and so may be that of whoever runs them.
                ("COINPIPE__ALERT__DISK_FREE", "off"),
            ])
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Kills it, as a power cut would.
    pub(crate) async fn kill9(&mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// How many lines of its log contain `text`.
    pub(crate) fn said(&self, text: &str) -> usize {
        self.log().lines().filter(|line| line.contains(text)).count()
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.path).expect("its log")
    }

    /// Waits until it said `text`.
    pub(crate) async fn until_said(&self, text: &str) {
        self.until_said_times(text, 1).await;
    }

    /// Waits until it said `text` so many times.
    pub(crate) async fn until_said_times(&self, text: &str, times: usize) {
        self.until_said_times_within(text, times, DEADLINE).await;
    }

    /// Waits that long until it said `text`.
    pub(crate) async fn until_said_within(&self, text: &str, deadline: Duration) {
        self.until_said_times_within(text, 1, deadline).await;
    }

    async fn until_said_times_within(&self, text: &str, times: usize, deadline: Duration) {
        let said = async {
            let mut look = tokio::time::interval(Duration::from_millis(20));
            while self.said(text) < times {
                look.tick().await;
            }
        };
        let said = tokio::time::timeout(deadline, said).await.is_ok();
        assert!(said, "{} never said {text:?} {times} times:\n{}", self.name, self.log());
    }

    /// Waits for its end; its exit code, `None` after a signal.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        self.ended_within(DEADLINE).await
    }

    /// Waits that long for its end.
    pub(crate) async fn ended_within(&mut self, deadline: Duration) -> Option<i32> {
        let ended = tokio::time::timeout(deadline, self.child.wait()).await;
        ended
            .unwrap_or_else(|_| panic!("{} does not end:\n{}", self.name, self.log()))
            .expect("it ran")
            .code()
    }

    /// The most memory it had so far, in MiB; 0 where that cannot be seen, or when it has ended.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = self.child.id().map(|id| std::fs::read_to_string(format!("/proc/{id}/status")));
        let Some(Ok(status)) = status else { return 0 };
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
    }

    /// Lets [`peak_memory`](Self::peak_memory) begin anew; what it has now, in MiB.
    pub(crate) fn forget_peak_memory(&self) -> u64 {
        if let Some(id) = self.child.id() {
            std::fs::write(format!("/proc/{id}/clear_refs"), "5").expect("a process of our own");
        }
        self.peak_memory()
    }

    /// Asks it to stop and waits until it did, in good order.
    pub(crate) async fn stop(mut self) {
        if self.name != "coinpipe" {
            // Before that it has no signal handlers.
            self.until_said("starting").await;
        }
        signal(&self.child, "TERM").await;
        let code = self.ended().await;
        assert_eq!(code, Some(0), "{} after SIGTERM:\n{}", self.name, self.log());
    }
}

/// Two transformers, two loaders and an alerter.
pub(crate) fn crew(place: &Place) -> Vec<Worker> {
    let names = ["transformer", "transformer", "loader", "loader", "alerter"];
    names.map(|name| Worker::start(place, name, &[])).into()
}

/// Asks all of them to stop and waits until they did.
pub(crate) async fn dismiss(crew: Vec<Worker>) {
    for worker in crew {
        worker.stop().await;
    }
}
