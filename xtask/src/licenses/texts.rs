//! The licence texts of crates: the files that their authors put beside the code, each text once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// How the name of a file begins that holds a licence, or who the authors are.
const NAMES: &[&str] = &["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];

/// What the name of a file holds that is for those who choose another licence than MIT.
const OTHER_CHOICES: &[&str] = &["APACHE", "UNLICENSE", "ZLIB", "ISC", "BSD", "BOOST", "LLVM"];

/// Folders of crates that are not in the programs: tests, and what features add that nobody here uses.
const NOT_BUILT: &[&str] = &["tests", "sqlcipher"];

/// Texts for crates that have none of their own.
pub(super) struct Standard {
    pub(super) apache: String,
    /// Holds a line that says whose it is.
    pub(super) mit: String,
}

/// Texts, and the crates that each is for.
#[derive(Default)]
pub(super) struct Texts {
    /// By the words: line breaks differ between copies of one text.
    texts: BTreeMap<String, (String, BTreeSet<String>)>,
}

impl Texts {
    /// Adds the texts of a crate whose files are in `folder`.
    pub(super) fn add(
        &mut self,
        name: &str,
        license: &str,
        folder: &Path,
        standard: &Standard,
    ) -> anyhow::Result<()> {
        let mut files = Vec::new();
        find(folder, may_choose_mit(license), &mut files)?;
        for file in &files {
            let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            self.insert(name, &String::from_utf8_lossy(&bytes));
        }
        // Only what lies beside Cargo.toml is for the whole crate.
        if files.iter().any(|file| file.parent() == Some(folder) || is_licenses_folder(file.parent())) {
            return Ok(());
        }
        if license.contains("MIT") {
            let whose = format!("Copyright (c) the authors of {name}");
            let line = |line: &str| {
                let line = if line.starts_with("Copyright (c)") { &whose } else { line };
                format!("{line}\n")
            };
            self.insert(name, &standard.mit.lines().map(line).collect::<String>());
        } else if license.contains("Apache-2.0") {
            self.insert(name, &standard.apache);
        } else {
            bail!(
                "{name} ({license}) brings no licence text: find it, and add it in xtask/src/licenses/texts.rs"
            );
        }
        Ok(())
    }

    fn insert(&mut self, name: &str, text: &str) {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines = || text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        let (_, crates) = self.texts.entry(words).or_insert_with(|| (lines(), BTreeSet::new()));
        crates.insert(name.to_owned());
    }

    /// Chapters of Markdown, in the order of the first crate of each.
    pub(super) fn render(&self) -> String {
        let mut chapters: Vec<_> = self.texts.values().collect();
        chapters.sort_by_key(|(text, crates)| (crates.first(), text));
        let chapter = |(text, crates): &&(String, BTreeSet<String>)| {
            let crates: Vec<_> = crates.iter().map(String::as_str).collect();
            format!("\n### {}\n\n~~~~text\n{}\n~~~~\n", crates.join(", "), text.trim_matches('\n'))
        };
        chapters.iter().map(chapter).collect()
    }
}

/// Whether MIT is one of the licences to choose from, and enough.
fn may_choose_mit(license: &str) -> bool {
    let is_choice = license.contains(" OR ") || license.contains('/');
    is_choice && !license.contains(" AND ") && license.contains("MIT")
}

/// Finds the licence files in and below `folder`, in an order that is the same everywhere.
fn find(folder: &Path, may_choose_mit: bool, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !path.is_dir() {
            files.push((name.to_uppercase(), path));
        } else if !NOT_BUILT.contains(&name.as_str()) {
            find(&path, may_choose_mit, found)?;
        }
    }
    files.retain(|(name, path)| {
        let is_named = NAMES.iter().any(|start| name.starts_with(start)) || is_licenses_folder(path.parent());
        is_named && path.extension().is_none_or(|extension| extension != "rs")
    });
    // Where there is both, COPYING says what the choice is (zstd: GPL), and LICENSE is what is chosen.
    if files.iter().any(|(name, _)| name.starts_with("LICENSE")) {
        files.retain(|(name, _)| !name.starts_with("COPYING"));
    }
    if may_choose_mit && files.iter().any(|(name, _)| name.contains("MIT")) {
        files.retain(|(name, _)| {
            name.contains("MIT") || !OTHER_CHOICES.iter().any(|other| name.contains(other))
        });
    }
    files.sort();
    found.extend(files.into_iter().map(|(_, path)| path));
    Ok(())
}

/// As the REUSE specification has it: one file a licence.
fn is_licenses_folder(folder: Option<&Path>) -> bool {
    folder.is_some_and(|folder| folder.ends_with("LICENSES"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standard() -> Standard {
        Standard { apache: "Apache".to_owned(), mit: "MIT\n\nCopyright (c) 2026 us\n\nFree.".to_owned() }
    }

    /// The files of the crate that is in a folder of this name while a test runs.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let folder =
                std::env::temp_dir().join(format!("coinpipe-licences-{name}-{}", std::process::id()));
            for (file, text) in files {
                let file = folder.join(file);
                std::fs::create_dir_all(file.parent().expect("it is in the folder"))
                    .expect("folders can be made");
                std::fs::write(file, text).expect("files can be written");
            }
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn rendered(license: &str, folder: &Folder) -> String {
        let mut texts = Texts::default();
        texts.add("tiny 1.0.0", license, &folder.0, &standard()).expect("it has texts");
        texts.render()
    }

    #[test]
    fn mit_is_chosen_where_it_may_be() {
        let files = [
            ("LICENSE-MIT", "of mit"),
            ("LICENSE-APACHE", "of apache"),
            ("Cargo.toml", "no text"),
            ("NOTICE", "who"),
        ];
        let folder = Folder::new("choice", &files);
        let text = rendered("Apache-2.0 OR MIT", &folder);
        assert!(text.contains("of mit") && text.contains("who") && !text.contains("of apache"), "{text}");
        let text = rendered("Apache-2.0 AND MIT", &folder);
        assert!(text.contains("of mit") && text.contains("of apache") && !text.contains("no text"), "{text}");
    }

    #[test]
    fn c_code_inside_a_crate_brings_its_own_text() {
        let files = [
            ("LICENSE", "the crate's"),
            ("zstd/LICENSE", "the C code's"),
            ("zstd/COPYING", "GPL"),
            ("tests/LICENSE", "not built"),
        ];
        let text = rendered("BSD-3-Clause", &Folder::new("inside", &files));
        assert!(text.contains("the crate's") && text.contains("the C code's"), "{text}");
        assert!(!text.contains("GPL") && !text.contains("not built"), "{text}");
    }

    #[test]
    fn a_text_is_there_once() {
        let one = Folder::new("one", &[("LICENSE", "Do as\nyou like.\n")]);
        let two = Folder::new("two", &[("LICENSE.md", "Do as you\r\nlike.")]);
        let mut texts = Texts::default();
        texts.add("one 1.0.0", "MIT", &one.0, &standard()).expect("it has a text");
        texts.add("two 1.0.0", "MIT", &two.0, &standard()).expect("it has a text");
        assert_eq!(texts.render(), "\n### one 1.0.0, two 1.0.0\n\n~~~~text\nDo as\nyou like.\n~~~~\n");
    }

    #[test]
    fn a_crate_without_a_text_gets_the_standard_one_or_is_an_error() {
        let folder = Folder::new("none", &[("Cargo.toml", ""), ("src/spin/LICENSE", "a part's")]);
        assert!(rendered("MIT", &folder).contains("MIT\n\nCopyright (c) the authors of tiny 1.0.0\n\nFree."));
        assert!(rendered("Apache-2.0", &folder).contains("\nApache\n"));
        let result = Texts::default().add("tiny 1.0.0", "BSD-2-Clause", &folder.0, &standard());
        assert!(result.is_err_and(|error| error.to_string().contains("tiny 1.0.0 (BSD-2-Clause)")));
    }
}
