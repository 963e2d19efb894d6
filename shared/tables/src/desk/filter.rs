//! Which letters are meant, as a condition on `dead_letters`.

use domain::{Class, StageName};
use ports::{LetterFilter, LetterKey};

use crate::write::Parameter;

/// Conditions that all hold, and what they bind.
#[derive(Debug, Default)]
pub(super) struct Conditions<'a> {
    texts: Vec<String>,
    values: Vec<Parameter<'a>>,
}

impl<'a> Conditions<'a> {
    /// What `filter` asks for.
    pub(super) fn of(filter: &'a LetterFilter) -> Self {
        let LetterFilter {
            id,
            group,
            state,
            stage,
            class,
            code,
            batch,
            coin,
            since,
            until,
            settled_before,
            text,
        } = filter;
        let mut all = Self::default();
        let equal = [
            ("id", id.as_deref()),
            ("fingerprint", group.as_deref()),
            ("state", state.map(ports::LetterState::as_str)),
            ("stage", stage.map(StageName::as_str)),
            ("class", class.map(Class::as_str)),
            ("code", code.as_deref()),
            ("batch", batch.as_ref().map(domain::BatchId::as_str)),
        ];
        for (column, value) in equal {
            if let Some(value) = value {
                all.add(format!("{column} = ?"), [value.into()]);
            }
        }
        if let Some(coin) = coin {
            all.add("instr(coins, ?) > 0", [format!(",{coin},").into()]);
        }
        if let Some(since) = since {
            all.add("filed_at >= ?", [(*since).into()]);
        }
        if let Some(until) = until {
            all.add("filed_at < ?", [(*until).into()]);
        }
        if let Some(before) = settled_before {
            all.add("settled_at < ?", [(*before).into()]);
        }
        if let Some(text) = text {
            let places = ["id", "code", "reason", "headers"];
            let any: Vec<_> =
                places.iter().map(|place| format!("instr(lower({place}), lower(?)) > 0")).collect();
            all.add(format!("({})", any.join(" OR ")), places.map(|_| text.as_str().into()));
        }
        all
    }

    /// Only what stands after `key` in the list. The first of both comparisons is for the index.
    pub(super) fn after(&mut self, key: &'a LetterKey) {
        let LetterKey { filed_at, id } = key;
        let values = [(*filed_at).into(), (*filed_at).into(), id.as_str().into()];
        self.add("filed_at <= ? AND (filed_at < ? OR id < ?)", values);
    }

    /// One more.
    pub(super) fn add(&mut self, text: impl Into<String>, values: impl IntoIterator<Item = Parameter<'a>>) {
        self.texts.push(text.into());
        self.values.extend(values);
    }

    /// `WHERE …`, or nothing when there are none; and the values.
    pub(super) fn clause(self) -> (String, Vec<Parameter<'a>>) {
        if self.texts.is_empty() {
            return (String::new(), self.values);
        }
        (format!("WHERE {}", self.texts.join(" AND ")), self.values)
    }
}
