//! The rows that are not imported, and why.

use ports::store::ListedCoin;

/// Why a row is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    Ambiguous,
    OtherName,
    TooNew,
    Unknown,
}

impl Reason {
    /// In words, with what to do.
    fn text(self) -> &'static str {
        match self {
            Self::Ambiguous => {
                "several coins share the symbol, and the script may have written any of them; if you know \
                 which, say it with --coin SYMBOL=ID"
            }
            Self::OtherName => {
                "the coin with this symbol has another name now; if it is the same coin, say it with \
                 --coin SYMBOL=ID"
            }
            Self::TooNew => {
                "newer than the coin's quote in the newest snapshot; stop the script, take a snapshot, and import \
                 again"
            }
            Self::Unknown => "the newest snapshot has no such coin",
        }
    }
}

/// A row that is left out.
#[derive(Debug)]
pub(super) struct LeftOut {
    pub(super) symbol: String,
    /// What else the table says about it: the name, or the time.
    pub(super) found: String,
    /// The coins it may be of.
    pub(super) candidates: Vec<ListedCoin>,
}

/// Rows that are left out for the same reason.
pub(super) struct LeftOutRows<'a> {
    reason: Reason,
    rows: &'a [LeftOut],
}

impl<'a> LeftOutRows<'a> {
    pub(super) fn new(reason: Reason, rows: &'a [LeftOut]) -> Self {
        Self { reason, rows }
    }

    /// The reason in words, with what to do.
    pub(super) fn reason(&self) -> &'static str {
        self.reason.text()
    }

    pub(super) fn rows(&self) -> &'a [LeftOut] {
        self.rows
    }
}
