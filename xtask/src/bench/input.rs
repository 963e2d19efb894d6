//! The input of a round: pages of the simulator's market, one an hour, as files that a replay takes.

use std::path::{Path, PathBuf};

use super::{Bench, child};

/// When the first page was fetched. A past that no real key reaches, and a round date.
const FIRST: &str = "2026-01-01T00:00:00Z";

/// Pages as files.
pub(super) struct Input {
    folder: PathBuf,
    pages: Vec<PathBuf>,
    coins: u32,
}

impl Input {
    /// As many pages of as many coins as was asked for.
    pub(super) fn make(bench: &Bench<'_>) -> anyhow::Result<Self> {
        bench.now(&format!("making {} pages of {} coins", bench.args.pages, bench.args.coins))?;
        Self::make_at(bench, &bench.folder.join("pages"), bench.args.pages, FIRST, 60)
    }

    /// `pages` pages in `folder`, the first fetched at `first`, the others `step` minutes after each other, or before.
    pub(super) fn make_at(
        bench: &Bench<'_>,
        folder: &Path,
        pages: u32,
        first: &str,
        step: i64,
    ) -> anyhow::Result<Self> {
        let coins = bench.args.coins;
        let mut making = bench.programs.stages(["pages", "--plain"]);
        making.arg(folder).args(["--first", first, &format!("--step={step}")]);
        making.args([format!("--pages={pages}"), format!("--coins={coins}")]);
        child::run(&mut making, &bench.interrupt)?;
        let pages = (1..=pages).map(|number| folder.join(format!("page-{number:04}.json.zst"))).collect();
        Ok(Self { folder: folder.to_owned(), pages, coins })
    }

    /// The files, in their order.
    pub(super) fn pages(&self) -> &[PathBuf] {
        &self.pages
    }

    /// The responses as they were received, in their order.
    pub(super) fn plain(&self) -> impl Iterator<Item = PathBuf> {
        self.pages.iter().map(|page| page.with_extension(""))
    }

    /// All files that a replay is to take.
    pub(super) fn pattern(&self) -> String {
        format!("{}/*.json.zst", self.folder.display())
    }

    /// Rows in all pages.
    pub(super) fn rows(&self) -> f64 {
        self.pages.iter().map(|_| f64::from(self.coins)).sum()
    }

    /// Rows in one page.
    pub(super) fn coins(&self) -> f64 {
        f64::from(self.coins)
    }
}
