//! Which files of a crate import which, tests included.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as File;
use std::slice::from_ref;

use crate::tokens::{self, Module, Path};

/// The modules of a crate, by their paths from its root, which is the empty one.
pub(crate) struct Crate {
    modules: BTreeMap<Path, Module>,
    /// Those that are files of their own.
    files: BTreeSet<Path>,
}

/// How many re-exports and globs a name may be led through: more are a circle of them.
const MOST_STEPS: usize = 16;

impl Crate {
    /// The crate whose first file is `root`.
    pub(crate) fn at(root: &File) -> Self {
        let folder = root.parent().expect("a folder");
        Self::read(&|module| {
            let below = folder.join(module.join("/"));
            let places = [below.with_extension("rs"), below.join("mod.rs")];
            let place = if module.is_empty() { root } else { places.iter().find(|place| place.exists())? };
            Some(std::fs::read_to_string(place).expect("a source is text"))
        })
    }

    /// The crate whose files' texts `text` gives, beginning with the root's.
    pub(crate) fn read(text: &dyn Fn(&Path) -> Option<String>) -> Self {
        let mut found = Self { modules: BTreeMap::new(), files: BTreeSet::new() };
        found.add_file(Path::new(), text);
        found
    }

    fn add_file(&mut self, path: Path, text: &dyn Fn(&Path) -> Option<String>) {
        let source = text(&path).unwrap_or_else(|| panic!("there is no file of {path:?}"));
        self.files.insert(path.clone());
        self.add(path, tokens::module(&source), text);
    }

    fn add(&mut self, path: Path, mut module: Module, text: &dyn Fn(&Path) -> Option<String>) {
        for (name, within) in &mut module.children {
            let child = [path.as_slice(), from_ref(name)].concat();
            match within.take() {
                Some(within) => self.add(child, within, text),
                None => self.add_file(child, text),
            }
        }
        self.modules.insert(path, module);
    }

    /// For each file, the files it imports.
    pub(crate) fn between_files(&self) -> BTreeMap<Path, BTreeSet<Path>> {
        let mut imports: BTreeMap<Path, BTreeSet<Path>> = BTreeMap::new();
        for (at, module) in &self.modules {
            let from = self.file_of(at);
            let to = module.mentions.iter().filter_map(|path| self.target(at, path));
            let to = to.map(|to| self.file_of(&to)).filter(|to| *to != from);
            imports.entry(from.clone()).or_default().extend(to);
        }
        imports
    }

    fn file_of(&self, module: &Path) -> Path {
        let length = (0..=module.len()).rev().find(|&length| self.files.contains(&module[..length]));
        module[..length.unwrap_or(0)].to_vec()
    }

    /// The module in which that is written which `path` names in the module `at`; `None` when it is not of this crate.
    fn target(&self, at: &Path, path: &[String]) -> Option<Path> {
        let target = self.lead(at, path, 0)?;
        // One word that is a module's name is a variable that is called so; an import of it is seen where it stands.
        let is_module = path.len() == 1 && target.last() == path.last();
        (!is_module).then_some(target)
    }

    fn lead(&self, at: &Path, path: &[String], steps: usize) -> Option<Path> {
        if steps > MOST_STEPS {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.inside(&Path::new(), rest, steps),
            "self" | "super" => self.inside(at, path, steps),
            _ => self.named(at, path, steps),
        }
    }

    /// Where `path` leads, which begins in the module `at`. What a macro made is taken to be there.
    fn inside(&self, at: &Path, path: &[String], steps: usize) -> Option<Path> {
        let Some((first, rest)) = path.split_first() else { return Some(at.clone()) };
        match first.as_str() {
            "self" => self.inside(at, rest, steps),
            "super" => self.inside(&at[..at.len().checked_sub(1)?].to_vec(), rest, steps),
            _ => self.named(at, path, steps).or_else(|| {
                let is_foreign = self.modules[at].names.contains_key(first);
                (!is_foreign).then(|| at.clone())
            }),
        }
    }

    /// Where `path` leads, of which the module `at` knows the first name.
    fn named(&self, at: &Path, path: &[String], steps: usize) -> Option<Path> {
        let (first, rest) = path.split_first()?;
        let module = self.modules.get(at)?;
        if module.children.contains_key(first) {
            return self.inside(&[at.as_slice(), from_ref(first)].concat(), rest, steps);
        }
        if module.items.contains(first) {
            return Some(at.clone());
        }
        if let Some(stands_for) = module.names.get(first) {
            return self.lead(at, &[stands_for, rest].concat(), steps + 1);
        }
        let globs = module.globs.iter().filter_map(|glob| self.lead(at, glob, steps + 1));
        globs.filter(|glob| glob != at).find_map(|glob| self.named(&glob, path, steps + 1))
    }
}
