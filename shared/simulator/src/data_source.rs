//! Where the rows of a listing come from: a generated market, or recorded responses.

use chrono::{DateTime, Utc};
use domain::{ApiVersion, MarketKind};

use crate::errors::ApiError;
use crate::listing_page::ListingPage;
use crate::market::Market;
use crate::options::Options;
use crate::playlist::Playlist;
use crate::query::{HistoryQuery, ListingQuery, MarketQuery};

/// Where rows come from.
pub(crate) enum DataSource {
    Generated(Market),
    Recorded(Playlist),
}

impl DataSource {
    /// The recordings, or a market where there are none.
    pub(crate) fn new(options: &Options) -> Self {
        match Playlist::new(options.recordings.clone()) {
            Some(playlist) => Self::Recorded(playlist),
            None => Self::Generated(Market::grow(options.seed, options.coins)),
        }
    }

    /// Whether the rows are made up.
    pub(crate) fn is_generated(&self) -> bool {
        matches!(self, Self::Generated(_))
    }

    /// The rows that `query` asks for at `now`, as if the coins in `vanished` had never been. For a market that
    /// stands still, `now` is when it stopped; recordings that are `frozen` do not go on.
    pub(crate) fn page(
        &self,
        version: ApiVersion,
        query: &ListingQuery,
        now: DateTime<Utc>,
        frozen: bool,
        vanished: &[u32],
    ) -> Result<ListingPage, ApiError> {
        match self {
            Self::Generated(market) => Ok(market.page(now, version, query, vanished)),
            Self::Recorded(playlist) => {
                let recording = playlist.current(version, query.start, frozen);
                Ok(recording.ok_or_else(|| other_version(version))?.page(query, vanished))
            }
        }
    }

    /// What `query` asks for about the market beside its listings: rows, or one.
    pub(crate) fn market(
        &self,
        kind: MarketKind,
        query: &MarketQuery,
        now: DateTime<Utc>,
        vanished: &[u32],
    ) -> Result<ListingPage, ApiError> {
        match self {
            Self::Generated(market) => Ok(market.about(kind, query, now, vanished)),
            Self::Recorded(_) => {
                Err(ApiError::not_found("the recorded responses are of listings alone".to_owned()))
            }
        }
    }

    /// The coins that `query` asks for, each with its id and its quotes at `instants`.
    pub(crate) fn history(
        &self,
        query: &HistoryQuery,
        instants: &[DateTime<Utc>],
    ) -> Result<Vec<(u32, String)>, ApiError> {
        match self {
            Self::Generated(market) => Ok(market.history(query, instants)),
            Self::Recorded(_) => Err(ApiError::not_found("recorded responses have no history")),
        }
    }

    /// Notes that a first page of `version` was served whole.
    pub(crate) fn advance(&self, version: ApiVersion) {
        if let Self::Recorded(playlist) = self {
            playlist.advance(version);
        }
    }
}

fn other_version(asked: ApiVersion) -> ApiError {
    let recorded = match asked {
        ApiVersion::V1 => ApiVersion::V3,
        ApiVersion::V3 => ApiVersion::V1,
    };
    ApiError::not_found(format!(
        "the recorded responses are of {recorded}, not {asked}: ask for /{recorded}/cryptocurrency/listings/latest"
    ))
}
