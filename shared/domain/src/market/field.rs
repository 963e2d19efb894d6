//! A field of a kind: where an answer has it, what it must be, and the column it becomes.

/// What a field holds; cleaning rules and column types follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A whole number from 1, held exactly: the id of a coin.
    Id,
    /// A whole number from 0 up to this, held exactly.
    Count(u32),
    /// An amount of money, not below zero.
    Money,
    /// A percentage: `1.5` means 1.5 %.
    Percent,
    /// Any other number, not below zero, kept as sent.
    Number,
    /// A text of at most 255 characters.
    Text,
    /// An instant.
    Instant,
    /// Yes or no, sent as 1 or 0, or as `true` or `false`.
    Flag,
    /// JSON of any shape, of at most [`MOST_JSON_BYTES`](super::Value::MOST_JSON_BYTES).
    Json,
}

/// Where an answer has a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the object itself.
    Own(&'static str),
    /// In the object that this field is: `platform`, `name`.
    Within(&'static str, &'static str),
    /// In the quote of the currency.
    Quote(&'static str),
    /// Nowhere: it is the currency of the quote.
    Currency,
    /// Nowhere: it is always this.
    Always(&'static str),
}

/// A column of a kind's table.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the table.
    pub column: &'static str,
    /// Where an answer has it.
    pub place: Place,
    /// What it holds.
    pub form: Form,
    /// Whether it is part of the table's key.
    pub is_key: bool,
    /// Whether a row without it is none.
    pub is_required: bool,
}
