//! Who asks, as far as it is known.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};

use crate::trouble::Trouble;

/// What somebody may do. An operator may read, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Look.
    Reader,
    /// Look, and change something.
    Operator,
}

/// How it is known who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// It is not.
    None,
    /// By a cookie, which a browser sends by itself, until this time.
    Cookie(DateTime<Utc>),
    /// By a token in the request.
    Token,
}

/// Who asks. Every request has one; views take it as an argument.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) role: Option<Role>,
    pub(crate) proof: Proof,
    pub(crate) name: String,
}

impl Visitor {
    /// Somebody of whom nothing is known but what everybody may do.
    pub(crate) fn unknown(role: Option<Role>) -> Self {
        Self { role, proof: Proof::None, name: String::new() }
    }

    /// Whether they may look.
    pub(crate) fn may_read(&self) -> bool {
        self.role.is_some()
    }

    /// Whether they may change something.
    pub(crate) fn may_act(&self) -> bool {
        self.role == Some(Role::Operator)
    }

    /// What the record says of who acted: the name that they gave, and where.
    pub(crate) fn who(&self) -> String {
        if self.name.is_empty() { "the site".to_owned() } else { format!("{} on the site", self.name) }
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        // A request that did not come through the gate comes from nobody.
        Ok(parts.extensions.get().cloned().unwrap_or_else(|| Self::unknown(None)))
    }
}
