//! A message in the outbox: a mail, or what says the same on another channel.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use domain::{Headers, UnknownName};

/// How a message travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// As a mail.
    #[default]
    Mail,
    /// As a call of somebody's URL.
    Webhook,
}

impl Channel {
    /// All channels.
    pub const ALL: [Self; 2] = [Self::Mail, Self::Webhook];

    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Channel {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|channel| channel.as_str() == text);
        found.ok_or_else(|| UnknownName::new("channel", text))
    }
}

/// A message in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its id; becomes the local part of the Message-ID, so a repeat is recognised.
    pub id: String,
    /// How it travels.
    pub channel: Channel,
    /// Subject line.
    pub subject: String,
    /// Plain text; on a webhook JSON.
    pub body: String,
    /// The same in HTML; `None`: there is only the text.
    pub html: Option<String>,
    /// Headers beside those that every mail has.
    pub headers: Headers,
    /// Who is still to get it, when others have it; empty: nobody has it, and everybody gets it.
    pub left: Vec<String>,
    /// When it was posted.
    pub posted_at: DateTime<Utc>,
    /// How often sending it was tried.
    pub attempts: u32,
}

impl Mail {
    /// A mail of text alone, for everybody.
    pub fn plain(
        id: impl Into<String>,
        subject: impl Into<String>,
        body: impl Into<String>,
        posted_at: DateTime<Utc>,
    ) -> Self {
        Self {
            id: id.into(),
            channel: Channel::Mail,
            subject: subject.into(),
            body: body.into(),
            html: None,
            headers: Headers::new(),
            left: Vec::new(),
            posted_at,
            attempts: 0,
        }
    }
}
