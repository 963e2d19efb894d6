//! What can go wrong with an API, as something to ask for.
//! [`FAULTS`] lists them, with what the client meets.
//!
//! `:N` after any of them means the next N requests that it applies to. A fault that replaces the answer (the
//! first seven) applies to every path; the first one in the list that still has requests left wins, and only that
//! one is used up, so `status=500:2 error=1008:1` is a sequence. `slow`, `trickle`, `truncate` and `close` apply
//! to whatever is answered, those with `past` to successful answers of the history, the others to successful listings, and as far as they make sense to the market beside these.

mod catalogue;
mod parse;
mod plan;

use std::num::NonZeroU32;
use std::time::Duration;

pub use catalogue::{FAULTS, help};
pub use parse::ParseFaultError;
pub(crate) use plan::{FaultPlan, Reach};

use crate::errors::ApiError;

/// One way to go wrong. [`FAULTS`] says what each one does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// An HTTP status with an error code.
    Status {
        /// The HTTP status: 200, or 400 to 599.
        http: u16,
        /// The `error_code` in the body; the HTTP status where the API has no code of its own.
        code: u32,
    },
    /// A documented error under HTTP 200.
    ErrorIn200 {
        /// The `error_code` in the body.
        code: u32,
    },
    /// A maintenance page.
    Html {
        /// Its HTTP status.
        http: u16,
    },
    /// A firewall's page.
    Firewall {
        /// Its HTTP status.
        http: u16,
    },
    /// 200 without a body.
    EmptyBody,
    /// A body larger than any client should read.
    Huge,
    /// A `Retry-After` header on errors, in whole seconds.
    RetryAfter(Duration),
    /// A wait before the answer.
    Slow(Duration),
    /// A body that takes this long.
    Trickle(Duration),
    /// Half of the body, as if it were all.
    Truncate,
    /// The connection closed halfway through the body.
    Close,
    /// A listing without coins.
    EmptyData,
    /// `error_code` as text.
    TextCode,
    /// An unknown field.
    Extra,
    /// A field that is gone.
    Missing(String),
    /// A field of another type.
    Retyped(String),
    /// Some prices are null.
    NullPrice,
    /// Some prices are negative.
    NegativePrice,
    /// Some coins are there twice.
    Duplicate,
    /// Time stands still.
    Frozen,
    /// Quotes are this old.
    Old(Duration),
    /// The API's clock is so far ahead.
    Ahead(Duration),
    /// The first page for every page.
    SamePage,
    /// So many coins in a page.
    Short(u32),
    /// A listing without its best coins.
    WithoutTop(u32),
    /// Prices are so many times as high; a number, as written.
    Times(String),
    /// A field that is null.
    Null(String),
    /// The coin with this id has another name.
    Renamed(u32),
    /// The coin with this id is not listed.
    Vanished(u32),
    /// The history has no coin.
    PastEmpty,
    /// The history has so many of the hours.
    PastHours(u32),
    /// The history has so many of the coins.
    PastShort(u32),
    /// An answer of the history costs so many credits.
    PastCredits(u32),
}

impl Fault {
    /// The documented error `code` with its HTTP status, if there is such an error.
    pub fn error(code: u32) -> Option<Self> {
        ApiError::documented(code).map(|error| Self::Status { http: error.status, code })
    }

    /// This fault for the next `times` requests that it applies to.
    pub fn next(self, times: NonZeroU32) -> PlannedFault {
        PlannedFault { fault: self, next: Some(times) }
    }

    fn reach(&self) -> Reach {
        match self {
            Self::Status { .. }
            | Self::ErrorIn200 { .. }
            | Self::Html { .. }
            | Self::Firewall { .. }
            | Self::EmptyBody
            | Self::Huge => Reach::Instead,
            Self::RetryAfter(_) => Reach::Error,
            Self::Slow(_) => Reach::Wait,
            Self::Trickle(_) | Self::Truncate | Self::Close => Reach::Body,
            Self::EmptyData
            | Self::TextCode
            | Self::Extra
            | Self::Missing(_)
            | Self::Retyped(_)
            | Self::NullPrice
            | Self::NegativePrice
            | Self::Duplicate
            | Self::Frozen
            | Self::Old(_)
            | Self::Ahead(_)
            | Self::SamePage
            | Self::Short(_)
            | Self::WithoutTop(_)
            | Self::Times(_)
            | Self::Null(_)
            | Self::Renamed(_)
            | Self::Vanished(_) => Reach::Listing,
            Self::PastEmpty | Self::PastHours(_) | Self::PastShort(_) | Self::PastCredits(_) => Reach::Past,
        }
    }
}

/// A fault, and for how long.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlannedFault {
    /// What goes wrong.
    pub fault: Fault,
    /// For how many requests; for all of them if `None`.
    pub next: Option<NonZeroU32>,
}

impl From<Fault> for PlannedFault {
    fn from(fault: Fault) -> Self {
        Self { fault, next: None }
    }
}
