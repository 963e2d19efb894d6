//! What is written for users: its blocks, the commands within its text, its links.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A Markdown file.
pub(crate) struct Page {
    /// Its path in the repository.
    pub name: String,
    text: String,
}

/// What stands between two fences.
pub(crate) struct Block {
    /// What the opening fence says, such as `sh`.
    pub language: String,
    pub text: String,
}

impl Page {
    fn read(path: &Path) -> Self {
        let name = path.strip_prefix(root()).expect("it is in the repository").display().to_string();
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name, text }
    }

    /// The blocks, without the indentation of their fences.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            let Some((indent, language)) =
                line.split_once("```").filter(|(before, _)| before.trim().is_empty())
            else {
                continue;
            };
            let inside = lines.by_ref().take_while(|line| line.trim() != "```");
            let text: Vec<_> = inside.map(|line| line.strip_prefix(indent).unwrap_or(line)).collect();
            blocks.push(Block { language: language.to_owned(), text: text.join("\n") });
        }
        blocks
    }

    /// The text without its blocks.
    fn prose(&self) -> String {
        let parts = self.text.split("```");
        parts.step_by(2).collect::<Vec<_>>().join("\n")
    }

    /// What stands between backticks within the text; one that goes on on the next line has a space there.
    pub(crate) fn spans(&self) -> Vec<String> {
        let prose = self.prose();
        let spans = prose.split("\n\n").flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2));
        spans.map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    /// Where its links lead.
    pub(crate) fn links(&self) -> Vec<String> {
        let prose = self.prose();
        prose.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
    }

    /// Why `link` leads nowhere, if so. Addresses outside the repository are believed.
    pub(crate) fn broken(&self, link: &str) -> Option<String> {
        if link.contains("://") {
            return None;
        }
        let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
        let own = root().join(&self.name);
        let target = if file.is_empty() { own } else { own.parent().expect("a folder").join(file) };
        if !target.exists() {
            return Some(format!("{}: there is no {file}", self.name));
        }
        let anchor = anchor?;
        let headings = fs::read_to_string(&target).unwrap_or_default();
        let headings = headings.lines().filter_map(|line| line.strip_prefix('#'));
        let is_there =
            headings.map(|heading| slug(heading.trim_matches(['#', ' ']))).any(|slug| slug == anchor);
        (!is_there).then(|| format!("{}: {link} has no such heading", self.name))
    }
}

/// The anchor that GitHub makes of a heading.
fn slug(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|&letter| letter.is_alphanumeric() || letter == '-' || letter == '_').collect()
}

/// The Markdown files of a folder of the repository.
fn in_folder(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    let mut pages: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    pages.sort();
    pages
}

/// Whatever tells a person what to type.
pub(crate) fn pages() -> Vec<Page> {
    let named = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "deploy/systemd/README.md"];
    let named = named.iter().map(|name| root().join(name));
    named.chain(in_folder("docs")).map(|path| Page::read(&path)).collect()
}

/// Those, and what only tells a history.
pub(crate) fn all() -> Vec<Page> {
    let history = in_folder("docs/decisions").into_iter().chain([root().join("CHANGELOG.md")]);
    pages().into_iter().chain(history.map(|path| Page::read(&path))).collect()
}

#[test]
fn blocks_spans_and_links_are_found() {
    let text = "# Go on\nA `b c` [d](e.md#f).\n\n1. g:\n\n   ```sh\n   h `i`\n     j\n   ```\n\nk `l\nm` n\n";
    let page = Page { name: "README.md".to_owned(), text: text.to_owned() };
    assert_eq!(page.spans(), ["b c", "l m"]);
    assert_eq!(page.links(), ["e.md#f"]);
    let blocks: Vec<_> = page.blocks().into_iter().map(|block| (block.language, block.text)).collect();
    assert_eq!(blocks, [("sh".to_owned(), "h `i`\n  j".to_owned())]);
    assert_eq!(slug("Backup and restore, `now`"), "backup-and-restore-now");
    assert!(page.broken("e.md").is_some() && page.broken("#nowhere").is_some());
    assert_eq!(page.broken("docs/operating.md"), None);
}
