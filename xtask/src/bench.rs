//! `cargo xtask bench`: how fast coinpipe is on this machine, beside what the databases can do and what scripts do, in one
//! run. docs/performance.md says what is measured and what the figures are for.
//!
//! Every round measures each way once, from empty tables; figures are medians of the rounds, and ratios are medians of the
//! ratios within a round, because a machine that is busy is busy for both.

mod child;
mod embedded;
mod growth;
mod input;
mod instructions;
mod json;
mod limits;
mod lines;
mod live;
mod numbers;
mod once;
mod plot;
mod processes;
mod programs;
mod python;
mod replay;
mod report;
mod results;
mod servers;
mod stages;
mod tables;
mod targets;
mod worker;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::cargo::say;
use crate::interrupt::Interrupt;
use input::Input;
use programs::Programs;
use results::Results;
use servers::Servers;

#[derive(Args)]
pub(crate) struct BenchArgs {
    /// Only these parts; all but `growth` when none is named
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
    /// How often everything is measured
    #[arg(long, alias = "runs", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Snapshots that a round loads
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pages: u32,
    /// Coins in each
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=5000))]
    coins: u32,
    /// Transformers in a replay on servers
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    transformers: u32,
    /// Loaders in a replay on servers
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    loaders: u32,
    /// Also how it gets slower as the history grows to 10 million quotes: takes an hour
    #[arg(long)]
    growth: bool,
    /// The largest history, in quotes, of 100,000, 1,000,000 and 10,000,000
    #[arg(long, default_value_t = 10_000_000, value_name = "QUOTES")]
    growth_to: u32,
    /// Measure programs that were built before, in this folder, with the example `stages` in `examples`
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
    /// Measure the dev profile instead of the release: of use for --only instructions, where it says as much
    #[arg(long, conflicts_with = "programs")]
    dev: bool,
    /// Where the figures (`bench.json`) and the plot (`bench.svg`) go; `target/bench` when not said
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Write the counts of instructions that were found into the file that they are compared with
    #[arg(long)]
    accept: bool,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// `coinpipe --once` in an empty folder: wall time and peak memory
    Once,
    /// What the server takes at most: `LOAD DATA` into tables like ours
    Limits,
    /// What others do: two scripts on the server, and SQLite's own bulk upsert
    Python,
    /// A whole replay on RabbitMQ and MariaDB (or MySQL)
    Replay,
    /// A whole replay in one process, with SQLite
    Embedded,
    /// Each stage alone
    Stages,
    /// How long a live page takes to the tables
    Live,
    /// How it gets slower as the history grows
    Growth,
    /// Instructions of the hot functions, compared with those that were accepted
    Instructions,
}

impl BenchArgs {
    fn wants(&self, part: Part) -> bool {
        if self.only.is_empty() { part != Part::Growth || self.growth } else { self.only.contains(&part) }
    }

    fn wants_any(&self, parts: &[Part]) -> bool {
        parts.iter().any(|&part| self.wants(part))
    }
}

/// A machine on which more than so many processes want a core has something else to do.
const BUSY: f64 = 1.5;

/// Measures what `args` ask for, and says it.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let interrupt = Interrupt::watch()?;
    let out = args.out.clone().unwrap_or_else(|| crate::cargo::target().join("bench"));
    std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let out = out.canonicalize()?;
    // Before the build, which makes it so.
    if let Some(load) = processes::load().filter(|&load| load > BUSY) {
        say(&format!("warning: this machine is busy (its load is {load}): believe the ratios at most"));
    }
    let programs = match &args.programs {
        Some(folder) => Programs::found_in(folder)?,
        None => Programs::build(!args.dev)?,
    };
    let scratch = Scratch::new(&out)?;
    let mut results = Results::default();
    let bench = Bench { args, programs, interrupt, folder: scratch.0.clone() };
    // What was measured before something failed is told all the same.
    let measured = bench.measure(&mut results);
    let accepted = match &measured {
        Ok(()) if args.wants(Part::Instructions) => instructions::check(&bench, args.accept, &mut results),
        _ => Ok(()),
    };
    report::write(&results, args, &out)?;
    measured.and(accepted)
}

/// Where everything is written that is of no use afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(out: &std::path::Path) -> anyhow::Result<Self> {
        let folder = out.join(format!("run-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What every measurement needs.
struct Bench<'a> {
    args: &'a BenchArgs,
    programs: Programs,
    interrupt: Interrupt,
    folder: PathBuf,
}

impl Bench<'_> {
    /// Everything that is wanted but the counts of instructions, which have no rounds.
    fn measure(&self, results: &mut Results) -> anyhow::Result<()> {
        const ON_PAGES: [Part; 6] =
            [Part::Limits, Part::Python, Part::Replay, Part::Embedded, Part::Stages, Part::Growth];
        const ON_SERVERS: [Part; 6] =
            [Part::Limits, Part::Python, Part::Replay, Part::Stages, Part::Live, Part::Growth];
        let args = self.args;
        let input = if args.wants_any(&ON_PAGES) { Some(Input::make(self)?) } else { None };
        let servers = if args.wants_any(&ON_SERVERS) { Servers::start(&self.interrupt)? } else { None };
        if let Some(servers) = &servers {
            results.used(servers.version()?);
        }
        if let Some(input) = &input {
            self.rounds(input, servers.as_ref(), results)?;
        }
        if args.wants(Part::Once) {
            for round in 1..=args.rounds {
                say(&format!("round {round}: --once"));
                results.add("--once", once::measure(self)?);
            }
        }
        if let Some(servers) = &servers {
            if args.wants(Part::Live) {
                live::measure(self, servers, results)?;
            }
            if args.wants(Part::Growth) {
                growth::measure(self, servers, results)?;
            }
        }
        Ok(())
    }

    fn rounds(&self, input: &Input, servers: Option<&Servers>, results: &mut Results) -> anyhow::Result<()> {
        let args = self.args;
        let compares = args.wants_any(&[Part::Limits, Part::Python]);
        let tables = match servers.filter(|_| compares) {
            Some(servers) => Some(tables::Tables::find(self, servers, input, &self.folder.join("rows"))?),
            None => None,
        };
        let python = if args.wants(Part::Python) { python::Python::prepare(self)? } else { None };
        let dumps = match &python {
            Some(python) => Some(python::embedded::Dumps::make(self, python, input)?),
            None => None,
        };
        for round in 1..=args.rounds {
            say(&format!("round {round} of {}", args.rounds));
            if let (Some(servers), Some(tables)) = (servers, &tables) {
                if args.wants(Part::Limits) {
                    limits::measure(self, servers, tables, results)?;
                }
                if let Some(python) = &python {
                    python::server::measure(self, python, servers, tables, input, results)?;
                }
            }
            if let (Some(python), Some(dumps)) = (&python, &dumps) {
                python::embedded::measure(self, python, dumps, results)?;
            }
            if args.wants(Part::Embedded) {
                results.add("embedded replay", embedded::measure(self, input)?);
            }
            let Some(servers) = servers else { continue };
            if args.wants(Part::Replay) {
                results.add("replay", replay::measure(self, servers, input)?);
            }
            if args.wants(Part::Stages) {
                stages::measure(self, servers, input, results)?;
            }
        }
        Ok(())
    }

    /// Says what is measured now; an error when somebody pressed Ctrl-C.
    fn now(&self, what: &str) -> anyhow::Result<()> {
        self.interrupt.check()?;
        say(&format!("  {what}"));
        Ok(())
    }
}
