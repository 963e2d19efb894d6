//! What a package asks for, it uses: each dependency is named in its sources, one that is not only for tests in `src`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use proc_macro2::{TokenStream, TokenTree};

use crate::workspace::{Kind, packages, rust_files};

/// All names in the code of these files: no comments, no texts.
fn names(files: Vec<PathBuf>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source is text");
        collect(text.parse().expect("a source is Rust"), &mut names);
    }
    names
}

fn collect(tokens: TokenStream, names: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(name) => _ = names.insert(name.to_string()),
            TokenTree::Group(group) => collect(group.stream(), names),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

#[test]
fn every_dependency_is_used() {
    let mut unused = Vec::new();
    for package in packages() {
        let all = names(rust_files(&package.folder));
        let in_src = names(rust_files(&package.folder.join("src")));
        for dependency in package.dependencies {
            let used_in = match dependency.kind {
                Kind::Normal => &in_src,
                Kind::Tests => &all,
                // There are no build scripts: xtask asks for one for its features alone.
                Kind::Build => continue,
            };
            if !used_in.contains(&dependency.name.replace('-', "_")) {
                unused.push(format!("{} does not use {}", package.name, dependency.name));
            }
        }
    }
    assert!(unused.is_empty(), "{unused:#?}");
}
