//! `cargo xtask licenses`: THIRD-PARTY.md, the list of what the programs are made of and under which licences, with
//! their texts.

mod texts;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, bail};

use self::texts::{Standard, Texts};
use crate::cargo::{self, Cargo, say};

const FILE: &str = "THIRD-PARTY.md";

/// The list is for this one, so that it is the same wherever it is made.
const TARGET: &str = "x86_64-unknown-linux-gnu";

const PROGRAMS: &[&str] = &["coinpipe", "fetcher", "transformer", "loader", "alerter"];

/// The crate that holds C code which its own licence does not cover.
const SQLITE: &str = "libsqlite3-sys";

/// What the site's views load and is no crate: its files are in the tree, with their licence.
const UPLOT: &str = "uPlot 1.6.32";
const UPLOT_LICENSE: &str = include_str!("../../shared/site/assets/uplot-1.6.32/LICENSE");

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Crate {
    name: String,
    version: String,
    license: String,
    repository: String,
}

/// Writes the list.
pub(crate) fn write() -> anyhow::Result<()> {
    std::fs::write(cargo::root().join(FILE), list()?).with_context(|| format!("cannot write {FILE}"))?;
    say(&format!("wrote {FILE}"));
    Ok(())
}

/// Fails when the list is not what [`write()`] would write.
pub(crate) fn check() -> anyhow::Result<()> {
    let written = std::fs::read_to_string(cargo::root().join(FILE)).unwrap_or_default();
    if written != list()? {
        bail!("{FILE} is not up to date: run `cargo xtask licenses` and commit it");
    }
    Ok(())
}

/// Asks `cargo tree` and not `cargo metadata`, which would count what only tests, build scripts and macros use.
fn list() -> anyhow::Result<String> {
    let mut tree = Cargo::new(&["tree", "--locked", "--prefix", "none", "--edges", "normal,no-proc-macro"])
        .args(&["--target", TARGET, "--format", "{p}|{l}|{r}"]);
    for program in PROGRAMS {
        tree = tree.args(&["--package", program]);
    }
    let crates = parse(&tree.stdout()?)?;
    Ok(render(&crates, &texts(&crates)?))
}

/// Only reads what a build has downloaded anyway.
fn texts(crates: &BTreeSet<Crate>) -> anyhow::Result<Texts> {
    let read = |name: &str| {
        std::fs::read_to_string(cargo::root().join(name)).with_context(|| format!("cannot read {name}"))
    };
    let standard = Standard { apache: read("LICENSE-APACHE")?, mit: read("LICENSE-MIT")? };
    let folders = folders()?;
    let mut texts = Texts::default();
    for Crate { name, version, license, .. } in crates {
        let folder = folders
            .get(&format!("{name}-{version}"))
            .with_context(|| format!("cargo metadata has no folder {name}-{version}"))?;
        texts.add(&format!("{name} {version}"), license, folder, &standard)?;
    }
    Ok(texts)
}

/// Where cargo has put each crate, by the name of the folder: as in the registry, `name-version`.
fn folders() -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let metadata =
        Cargo::new(&["metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET])
            .stdout()?;
    // Each string of the JSON that is the path of a manifest. A parser of JSON would be xtask's only use of one, and
    // with other features than the programs have it.
    let folders = metadata.split('"').filter_map(|text| text.strip_suffix("/Cargo.toml")).map(PathBuf::from);
    let named = |folder: PathBuf| Some((folder.file_name()?.to_str()?.to_owned(), folder));
    Ok(folders.filter_map(named).collect())
}

fn parse(tree: &str) -> anyhow::Result<BTreeSet<Crate>> {
    let mut crates = BTreeSet::new();
    for line in tree.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.is_empty()) {
        let unexpected = || format!("unexpected line of cargo tree: {line}");
        let [package, license, repository] =
            line.split('|').collect::<Vec<_>>().try_into().ok().with_context(unexpected)?;
        let (name, version) = package.split_once(" v").with_context(unexpected)?;
        // The crates of the house are paths; everything else comes from crates.io, which deny.toml holds.
        if version.contains(" (") {
            continue;
        }
        crates.insert(Crate {
            name: name.to_owned(),
            version: version.to_owned(),
            license: license.to_owned(),
            repository: repository.to_owned(),
        });
    }
    Ok(crates)
}

fn render(crates: &BTreeSet<Crate>, texts: &Texts) -> String {
    let rows: String = crates.iter().map(row).collect();
    let holds_sqlite = crates.iter().any(|one| one.name == SQLITE);
    let sqlite = if holds_sqlite {
        format!("\n`{SQLITE}` holds [SQLite](https://sqlite.org), which is in the public domain.\n")
    } else {
        String::new()
    };
    format!(
        "# What coinpipe is made of\n\n\
         The {} crates in the five programs, as built for `{TARGET}`, with the licences that their authors declare; a slash\n\
         means OR. The [texts](#texts) follow below. `cargo xtask licenses` writes this file.\n\n\
         | crate | version | licence | repository |\n|---|---|---|---|\n\
         {rows}{sqlite}\n\
         The site holds [{UPLOT}](https://github.com/leeoniya/uPlot) under the MIT licence, in `shared/site/assets`.\n\n\
         ## Texts\n\n\
         As the authors wrote them. Of several licences to choose from, MIT is chosen where a crate has its text.\n\
         {}\n### {UPLOT}\n\n~~~~text\n{}\n~~~~\n",
        crates.len(),
        texts.render(),
        UPLOT_LICENSE.trim()
    )
}

fn row(Crate { name, version, license, repository }: &Crate) -> String {
    let repository = if repository.is_empty() { "" } else { &format!("<{repository}>") };
    format!("| {name} | {version} | {license} | {repository} |\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_listed_once_and_those_of_the_house_not_at_all() {
        let tree = "coinpipe v0.1.0 (/home/me/coinpipe/bins/coinpipe)|MIT OR Apache-2.0|\n\
                    zstd-sys v2.1.3+zstd.1.5.7|BSD-3-Clause|https://github.com/gyscos/zstd-rs\n\
                    ring v0.17.14|Apache-2.0 AND ISC|https://github.com/briansmith/ring\n\
                    zstd-sys v2.1.3+zstd.1.5.7|BSD-3-Clause|https://github.com/gyscos/zstd-rs (*)\n\n\
                    tiny v1.0.0|MIT|\n";
        let text = render(&parse(tree).expect("cargo tree's lines are understood"), &Texts::default());
        let rows: Vec<_> = text.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        assert_eq!(
            rows,
            [
                "| ring | 0.17.14 | Apache-2.0 AND ISC | <https://github.com/briansmith/ring> |",
                "| tiny | 1.0.0 | MIT |  |",
                "| zstd-sys | 2.1.3+zstd.1.5.7 | BSD-3-Clause | <https://github.com/gyscos/zstd-rs> |",
            ]
        );
        assert!(text.contains("The 3 crates"), "{text}");
        assert!(text.contains("### uPlot 1.6.32") && text.contains("Leon Sorokin"), "{text}");
        assert!(!text.contains("SQLite"), "{text}");
        let with_sqlite = parse("libsqlite3-sys v0.37.0|MIT|").expect("the line is understood");
        assert!(render(&with_sqlite, &Texts::default()).contains("public domain"));
    }

    #[test]
    fn a_line_that_is_not_understood_is_an_error() {
        for line in ["", "[build-dependencies]", "ring v0.17.14|ISC", "ring|ISC|"] {
            assert_eq!(parse(line).is_err(), !line.is_empty(), "{line}");
        }
    }
}
