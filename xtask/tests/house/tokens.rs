//! What a source says about other modules: what it imports, declares and mentions. It is read token by token, so comments and
//! texts do not matter, nor does it how a line is broken, and macros are looked into.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree, token_stream::IntoIter};

/// The names of a path, such as `crate`, `a`, `A`.
pub(crate) type Path = Vec<String>;

/// What a module says.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// Modules that it declares; those that are written within it, with what they say.
    pub(crate) children: BTreeMap<String, Option<Module>>,
    /// Names that it defines itself.
    pub(crate) items: BTreeSet<String>,
    /// Names that it imports, and what they stand for.
    pub(crate) names: BTreeMap<String, Path>,
    /// Paths of which it imports everything.
    pub(crate) globs: Vec<Path>,
    /// All paths that stand anywhere in it, imports included.
    pub(crate) mentions: BTreeSet<Path>,
}

/// What the source `text` says.
pub(crate) fn module(text: &str) -> Module {
    let mut module = Module::default();
    module.read(text.parse().expect("a source is Rust"), true);
    module
}

type Tokens = Peekable<IntoIter>;

impl Module {
    /// `is_outer`: these are items of the module, not what is inside of them.
    fn read(&mut self, tokens: TokenStream, is_outer: bool) {
        let mut tokens = tokens.into_iter().peekable();
        let mut before = None;
        let mut is_joint = false;
        while let Some(token) = tokens.next() {
            let next_is_joint =
                matches!(&token, TokenTree::Punct(punct) if punct.spacing() == Spacing::Joint);
            match token {
                TokenTree::Group(group) => {
                    self.read(group.stream(), false);
                    before = None;
                }
                TokenTree::Punct(punct) => before = Some((punct.as_char(), is_joint)),
                TokenTree::Literal(_) => before = None,
                TokenTree::Ident(name) => {
                    // The second colon of two, and not the one before a type.
                    let before = before.take().filter(|before| !matches!(before, (':', false)));
                    self.word(&name.to_string(), before.map(|(c, _)| c), &mut tokens, is_outer);
                }
            }
            is_joint = next_is_joint;
        }
    }

    fn word(&mut self, word: &str, before: Option<char>, tokens: &mut Tokens, is_outer: bool) {
        match word {
            "use" if !matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == '<') => {
                let is_foreign = is_punct(tokens.peek(), ':');
                let tree = tokens.by_ref().take_while(|token| !is_punct(Some(token), ';')).collect();
                // `use ::name` leads to another crate.
                if !is_foreign {
                    self.import(&[], tree);
                }
            }
            "mod" if is_outer => self.declare(tokens),
            "struct" | "enum" | "union" | "trait" | "type" | "fn" | "const" | "static" | "macro_rules" => {
                if let (true, Some(name)) = (is_outer, defined(tokens)) {
                    self.items.insert(name);
                }
            }
            _ => self.mention(word, before, tokens),
        }
    }

    /// What follows `mod`.
    fn declare(&mut self, tokens: &mut Tokens) {
        let Some(TokenTree::Ident(name)) = tokens.next() else { return };
        let within = match tokens.next() {
            Some(TokenTree::Group(body)) => {
                let mut within = Self::default();
                within.read(body.stream(), true);
                Some(within)
            }
            _ => None,
        };
        self.children.insert(name.to_string(), within);
    }

    /// A path that begins with `word`.
    fn mention(&mut self, word: &str, before: Option<char>, tokens: &mut Tokens) {
        let mut path = vec![word.to_owned()];
        while is_punct(tokens.peek(), ':') {
            let mut ahead = tokens.clone();
            let is_joint =
                matches!(ahead.next(), Some(TokenTree::Punct(colon)) if colon.spacing() == Spacing::Joint);
            let (true, true, Some(TokenTree::Ident(name))) =
                (is_joint, is_punct(ahead.next().as_ref(), ':'), ahead.next())
            else {
                break;
            };
            path.push(name.to_string());
            *tokens = ahead;
        }
        // A field or a method, a lifetime, what follows another type, and what a macro was given.
        let is_part = matches!(before, Some('.' | '\'' | ':')) && path.len() == 1;
        if !is_part && (before != Some('$') || word == "crate") {
            self.mentions.insert(path);
        }
    }

    /// A tree of `use` such as `a::{b, c::*, d as e}`, below `prefix`.
    fn import(&mut self, prefix: &[String], tree: TokenStream) {
        let mut tokens = tree.into_iter();
        let mut path = prefix.to_vec();
        let mut alias = None;
        let mut is_done = false;
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(word) if word == "as" => {
                    alias = tokens.next().map(|name| name.to_string());
                }
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    self.import(&path, group.stream());
                    is_done = true;
                }
                TokenTree::Punct(punct) if punct.as_char() == '*' => {
                    self.mentions.insert(path.clone());
                    self.globs.push(path.clone());
                    is_done = true;
                }
                TokenTree::Punct(punct) if punct.as_char() == ',' => {
                    self.imported(
                        prefix,
                        std::mem::replace(&mut path, prefix.to_vec()),
                        alias.take(),
                        is_done,
                    );
                    is_done = false;
                }
                TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
        self.imported(prefix, path, alias, is_done);
    }

    fn imported(&mut self, prefix: &[String], mut path: Path, alias: Option<String>, is_done: bool) {
        if is_done || path.len() == prefix.len() {
            return;
        }
        // `a::{self}` is `a`.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        self.mentions.insert(path.clone());
        if let Some(name) = alias.or_else(|| path.last().cloned()) {
            self.names.insert(name, path);
        }
    }
}

fn is_punct(token: Option<&TokenTree>, c: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == c)
}

/// The name that is defined: what comes next, or after the `!` of `macro_rules!`. Of a `const fn` it comes later.
fn defined(tokens: &mut Tokens) -> Option<String> {
    tokens.next_if(|token| is_punct(Some(token), '!'));
    let is_name = |token: &TokenTree| {
        let TokenTree::Ident(name) = token else { return false };
        !["fn", "unsafe", "async", "extern", "mut"].iter().any(|word| name == word)
    };
    tokens.next_if(is_name).map(|name| name.to_string())
}
