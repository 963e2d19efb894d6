//! Views as a browser reads them: tags with their attributes, and the text between them.

use std::collections::{BTreeMap, BTreeSet};

use html5gum::{Token, Tokenizer};

/// A start tag.
#[derive(Debug)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Tag {
    /// The value of an attribute; empty when it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// What is in a view.
pub(crate) struct Html {
    pub(crate) tags: Vec<Tag>,
    pub(crate) text: String,
}

fn plain(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

impl Html {
    /// Reads `text`, which has no mistake.
    pub(crate) fn read(text: &str) -> Self {
        let mut html = Self { tags: Vec::new(), text: String::new() };
        for token in Tokenizer::new(text) {
            match token.expect("text in memory") {
                Token::StartTag(tag) => html.tags.push(Tag {
                    name: plain(&tag.name),
                    attributes: tag
                        .attributes
                        .iter()
                        .map(|(name, value)| (plain(name), plain(value)))
                        .collect(),
                }),
                Token::String(text) => html.text.push_str(&plain(&text)),
                Token::Comment(comment) => panic!("a comment: {:?}", plain(&comment)),
                Token::Error(error) => panic!("{error:?} in {text}"),
                Token::EndTag(_) | Token::Doctype(_) => {}
            }
        }
        html
    }

    /// All tags with this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Tag> {
        self.tags.iter().filter(move |tag| tag.name == name)
    }

    /// Where links lead that begin with `start`.
    pub(crate) fn links(&self, start: &str) -> Vec<&str> {
        self.all("a").map(|tag| tag.get("href")).filter(|href| href.starts_with(start)).collect()
    }
}

/// What every view promises, to whoever reads it with eyes, a screen reader or a keyboard, and to the policy of what may run.
pub(crate) fn check(text: &str) -> Html {
    let html = Html::read(text);
    let mut ids = BTreeSet::new();
    for tag in &html.tags {
        for (name, value) in &tag.attributes {
            assert!(!name.starts_with("on") && name != "style", "{tag:?}");
            assert!(name != "id" || ids.insert(value.as_str()), "twice: {tag:?}");
            let is_address = ["href", "src", "action", "formaction"].contains(&name.as_str());
            assert!(
                !is_address || value.starts_with('/') && !value.starts_with("//") || value.starts_with('#'),
                "{tag:?}"
            );
        }
        match tag.name.as_str() {
            "script" => assert!(tag.get("src").starts_with('/'), "{tag:?}"),
            "style" | "iframe" | "object" | "embed" | "img" | "base" => panic!("{tag:?}"),
            "th" => assert!(["row", "col"].contains(&tag.get("scope")), "{tag:?}"),
            "svg" => assert!(
                tag.get("role") == "img" && !tag.get("aria-label").is_empty()
                    || tag.get("aria-hidden") == "true",
                "{tag:?}"
            ),
            "nav" => assert!(!tag.get("aria-label").is_empty(), "{tag:?}"),
            _ => {}
        }
    }
    for named in html.tags.iter().filter(|tag| tag.attributes.contains_key("aria-labelledby")) {
        assert!(ids.contains(named.get("aria-labelledby")), "{named:?}");
    }
    for name in ["h1", "main", "title", "header", "footer"] {
        assert_eq!(html.all(name).count(), 1, "{name}");
    }
    assert_eq!(html.all("table").count(), html.all("caption").count(), "a table without a caption");
    html
}
