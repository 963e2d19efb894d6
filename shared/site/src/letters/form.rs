//! What a form sends.

use std::collections::BTreeMap;

use super::filter::Asked;
use crate::trouble::Trouble;

/// The fields of a form, by name.
#[derive(Default)]
pub(super) struct Form(BTreeMap<String, String>);

/// The fields that say which letters are meant.
pub(super) const WHICH: [&str; 11] =
    ["id", "group", "stage", "class", "code", "batch", "coin", "since", "until", "text", "state"];

impl Form {
    /// The form that `body` is: it has fields of these names, each at most once. A field that was mistyped must never mean more letters
    /// than were asked for.
    pub(super) fn read(body: &[u8], own: &[&str], which: &[&str]) -> Result<Self, Trouble> {
        let mut fields = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(body).into_owned() {
            let shown = domain::one_line(&name, 60);
            if !own.contains(&&*name) && !which.contains(&&*name) {
                let known: Vec<_> = own.iter().chain(which).copied().collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(Trouble::BadParameter(format!("{shown:?} is no field here; there are: {known}")));
            }
            if fields.insert(name, value).is_some() {
                return Err(Trouble::BadParameter(format!(
                    "the field {shown:?} is there twice; say which is meant"
                )));
            }
        }
        Ok(Self(fields))
    }

    /// A field that may be left empty.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Whether a box was ticked.
    pub(super) fn is_ticked(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    /// A reason, which must be there.
    pub(super) fn why(&self) -> Result<&str, Trouble> {
        let why = self.text("why").trim();
        if why.is_empty() {
            return Err(Trouble::BadParameter("say why: the record and the others want to know".to_owned()));
        }
        if why.chars().count() > desk::WHY_CHARS {
            return Err(Trouble::BadParameter(format!("why has more than {} characters", desk::WHY_CHARS)));
        }
        Ok(why)
    }

    /// Which letters.
    pub(super) fn asked(&self) -> Asked {
        let text = |name| self.text(name).to_owned();
        Asked {
            id: text("id"),
            group: text("group"),
            stage: text("stage"),
            class: text("class"),
            code: text("code"),
            batch: text("batch"),
            coin: text("coin"),
            since: text("since"),
            until: text("until"),
            text: text("text"),
            state: text("state"),
            ..Asked::default()
        }
    }
}
