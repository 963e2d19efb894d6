//! What a mail is made of: a subject and blocks, which text and HTML are written from.

/// A mail before it is written in one form or another. What stands in it may come from outside, and be anything: whoever writes it
/// makes it harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// One line: how much, where, why.
    pub(crate) subject: String,
    /// The rest, in order.
    pub(crate) blocks: Vec<Block>,
}

/// A part of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// What the next blocks are about.
    Heading(String),
    /// Sentences.
    Text(String),
    /// Several of a kind.
    Points(Vec<String>),
    /// Names and what they are.
    Facts(Vec<(&'static str, String)>),
    /// What somebody else said.
    Quote(String),
    /// Where a browser shows more.
    Link {
        /// It begins with a capital letter and has no full stop.
        does: &'static str,
        /// The address.
        url: String,
    },
    /// What can be typed, and what it does.
    Command {
        /// It begins with a capital letter and has no full stop.
        does: &'static str,
        /// What is typed.
        line: String,
    },
}

impl Block {
    /// Sentences of our own.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A heading.
    pub(crate) fn heading(text: impl Into<String>) -> Self {
        Self::Heading(text.into())
    }
}
