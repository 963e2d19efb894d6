//! What the checks find, and what follows for the snapshot.

use domain::{Doubt, Verdict};

/// More is not told; every letter and table has room for it.
const MOST_CHARS: usize = 1500;

/// The checks. What each compares is told in `default.toml`, section `[judge]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    EmptyListing,
    ShortListing,
    PageAgain,
    TopMissing,
    IdsMissing,
    FewerCoins,
    OldQuotes,
    StillQuotes,
    Clock,
    NullColumn,
    PriceJump,
}

impl Check {
    pub(crate) const ALL: [Self; 11] = [
        Self::EmptyListing,
        Self::ShortListing,
        Self::PageAgain,
        Self::TopMissing,
        Self::IdsMissing,
        Self::FewerCoins,
        Self::OldQuotes,
        Self::StillQuotes,
        Self::Clock,
        Self::NullColumn,
        Self::PriceJump,
    ];

    /// The name by which the check is told to people and machines.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::EmptyListing => "empty_listing",
            Self::ShortListing => "short_listing",
            Self::PageAgain => "page_again",
            Self::TopMissing => "top_missing",
            Self::IdsMissing => "ids_missing",
            Self::FewerCoins => "fewer_coins",
            Self::OldQuotes => "old_quotes",
            Self::StillQuotes => "still_quotes",
            Self::Clock => "clock",
            Self::NullColumn => "null_column",
            Self::PriceJump => "price_jump",
        }
    }

    /// Whether another answer may be better. An id that the API does not know stays unknown.
    pub(crate) fn may_pass(self) -> bool {
        self != Self::IdsMissing
    }

    fn doubt(self) -> Doubt {
        match self {
            Self::EmptyListing
            | Self::ShortListing
            | Self::PageAgain
            | Self::TopMissing
            | Self::IdsMissing
            | Self::FewerCoins => Doubt::Incomplete,
            Self::OldQuotes | Self::StillQuotes | Self::Clock | Self::NullColumn | Self::PriceJump => {
                Doubt::Suspect
            }
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) check: Check,
    /// In words, with the numbers; one line.
    pub(crate) text: String,
}

impl Finding {
    pub(super) fn new(check: Check, text: String) -> Self {
        Self { check, text }
    }
}

/// The findings in words.
pub(crate) fn words(findings: &[Finding]) -> String {
    let each = findings.iter().map(|finding| format!("{} [{}]", finding.text, finding.check.name()));
    domain::one_line(&each.collect::<Vec<_>>().join("; "), MOST_CHARS)
}

/// What the findings make of the snapshot.
pub(crate) fn verdict(findings: &[Finding]) -> Option<Verdict> {
    let doubt = findings.iter().map(|finding| finding.check.doubt()).max()?;
    Some(Verdict { doubt, why: words(findings) })
}
