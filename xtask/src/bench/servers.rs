//! The servers that are measured with: private ones, with the defaults of their makers.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::cargo::say;
use crate::interrupt::Interrupt;
use crate::services;

use super::child::{self, Ran};
use super::results::Sample;
use super::{Bench, processes};

/// A server that used less than this of a core is quiet.
const QUIET: f64 = 0.05;
/// How long it is looked at, and how often at most: purging and flushing go on for a while after a load.
const LOOK: Duration = Duration::from_millis(500);
const LOOKS: u32 = 40;

/// A RabbitMQ and a MariaDB or MySQL.
pub(super) struct Servers {
    broker: lab::RabbitMq,
    database: lab::MySql,
    interrupt: Interrupt,
}

/// CPU seconds that the servers have used so far.
#[derive(Clone, Copy)]
pub(super) struct Cpu {
    broker: f64,
    database: f64,
}

impl Servers {
    /// Starts them, and installs them before where that is possible. `None`, and said so, where they are not.
    pub(super) fn start(interrupt: &Interrupt) -> anyhow::Result<Option<Self>> {
        if let Err(error) = services::install_missing(&services::ALL, interrupt) {
            interrupt.check()?;
            say(&format!("skipped: all that needs RabbitMQ and MariaDB or MySQL: {error:#}"));
            return Ok(None);
        }
        say("  starting RabbitMQ and the database, with their own defaults");
        let (broker, database) = (lab::RabbitMq::start_with_defaults()?, lab::MySql::start_with_defaults()?);
        // MySQL has it off.
        database.query("SET GLOBAL local_infile = 1")?;
        Ok(Some(Self { broker, database, interrupt: interrupt.clone() }))
    }

    /// The broker's URL.
    pub(super) fn broker_url(&self) -> String {
        self.broker.url()
    }

    /// The URL of the database `name`.
    pub(super) fn url(&self, name: &str) -> String {
        self.database.url().replace("/coinpipe", &format!("/{name}"))
    }

    /// The port of the database server. User and password are `lab`.
    pub(super) fn port(&self) -> u16 {
        self.database.port()
    }

    /// An empty database `name`.
    pub(super) fn make_empty(&self, name: &str) -> anyhow::Result<()> {
        self.query(&format!("DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name}")).map(drop)
    }

    /// Runs statements; the rows that come are lines of values separated by tabs.
    pub(super) fn query(&self, sql: &str) -> anyhow::Result<String> {
        Ok(self.database.query(sql)?)
    }

    /// The one value that a query gives.
    pub(super) fn value(&self, sql: &str) -> anyhow::Result<f64> {
        let text = self.query(sql)?;
        text.trim().parse().with_context(|| format!("`{sql}` gave {text:?}, which is no number"))
    }

    /// Runs statements in the database `name` with the server's own client, which may load local files, and measures it.
    pub(super) fn run(&self, name: &str, sql: &str) -> anyhow::Result<Ran> {
        let script = self.database.folder().join("measured.sql");
        std::fs::write(&script, sql).context("cannot write statements")?;
        let client = if in_path("mariadb") { "mariadb" } else { "mysql" };
        let mut command = Command::new(client);
        command.args(["--no-defaults", "--local-infile=1", "--host=127.0.0.1", "--user=lab"]);
        command.env("MYSQL_PWD", "lab");
        command.args([format!("--port={}", self.port()), format!("--database={name}")]);
        command.arg(format!("--execute=source {}", script.display()));
        child::run(&mut command, &self.interrupt)
    }

    /// What they have used so far.
    pub(super) fn cpu(&self) -> anyhow::Result<Cpu> {
        let of = |folder: &Path| {
            let id = std::fs::read_to_string(folder.join("pid")).context("a server has no process")?;
            processes::cpu_of_all(id.trim().parse()?)
        };
        Ok(Cpu { broker: of(self.broker.folder())?, database: of(self.database.folder())? })
    }

    /// Waits until the servers have nothing to do, so that the next measurement is not charged for this one.
    pub(super) fn settle(&self) -> anyhow::Result<()> {
        let mut before = self.cpu()?;
        for _ in 0..LOOKS {
            self.interrupt.check()?;
            processes::pause(LOOK);
            let now = self.cpu()?;
            let used = (now.broker - before.broker).max(now.database - before.database);
            if used < QUIET * LOOK.as_secs_f64() {
                return Ok(());
            }
            before = now;
        }
        Ok(())
    }

    /// `sample` with what the servers used since `before`, what they did afterwards included.
    pub(super) fn charge(&self, sample: Sample, before: Cpu) -> anyhow::Result<Sample> {
        self.settle()?;
        let now = self.cpu()?;
        let sample = sample.with("cpu database", now.database - before.database);
        Ok(sample.with("cpu rabbitmq", now.broker - before.broker))
    }

    /// Bytes that the pages of `table` in `database` take, indexes included.
    pub(super) fn bytes(&self, database: &str, table: &str) -> anyhow::Result<f64> {
        self.query(&format!("ANALYZE TABLE {database}.{table}"))?;
        self.value(&format!(
            "SELECT SUM(data_length + index_length) FROM information_schema.tables \
             WHERE table_schema = '{database}' AND table_name = '{table}'"
        ))
    }

    /// The environment of programs that work with them, and with the database `name`.
    pub(super) fn settings(&self, name: &str) -> [(&'static str, String); 2] {
        [("COINPIPE__QUEUE__URL", self.broker_url()), ("COINPIPE__STORE__URL", self.url(name))]
    }

    /// An empty database `name` with coinpipe's tables, and the queues.
    pub(super) fn migrate(&self, bench: &Bench<'_>, name: &str) -> anyhow::Result<()> {
        self.make_empty(name)?;
        let mut migrate = bench.programs.command("coinpipe");
        migrate.arg("migrate").envs(self.settings(name)).current_dir(&bench.folder);
        child::run(&mut migrate, &bench.interrupt)?;
        Ok(())
    }

    /// Fails unless the history in the database `name` has `rows` rows: a measurement of work that was not done.
    pub(super) fn expect(&self, name: &str, rows: f64) -> anyhow::Result<()> {
        let found = self.value(&format!("SELECT COUNT(*) FROM {name}.quotes_history"))?;
        ensure!((found - rows).abs() < 0.5, "{found} of {rows} quotes are in {name}.quotes_history");
        Ok(())
    }

    /// What the servers are, for the report.
    pub(super) fn version(&self) -> anyhow::Result<String> {
        let database = self.query("SELECT VERSION()")?;
        let broker = self.broker.ctl(&["version"])?;
        Ok(format!("RabbitMQ {}, database {}", broker.trim(), database.trim()))
    }
}

fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
