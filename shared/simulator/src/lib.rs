//! A CoinMarketCap API you can run: for tests, for trying coinpipe without a key, and for breaking on purpose.
//!
//! [`Simulator::start`] serves `/v1/` and `/v3/cryptocurrency/listings/latest`, `/v3/cryptocurrency/quotes/historical`,
//! `/v1/cryptocurrency/listings/historical`, what the market has beside these ([`MarketKind`](domain::MarketKind)) and
//! `/v1/key/info` with keys, rate limits, credits and error bodies as the real API has them. The coins come from a generated market, or
//! from [`Recording`]s of real responses; a [`Fault`] makes anything go wrong that was seen to go wrong.
//!
//! Guarantees: with one seed and one clock the same request gets the same rows; prices move smoothly, and
//! `percent_change_*` and the history fit the prices that were served before; a recorded coin is served with its own bytes;
//! answers with made-up coins carry [`SIMULATED_HEADER`].
//!
//! Not guaranteed: that the market is realistic beyond its shapes; parameters that would filter rows
//! (`price_min`, `tag`, …) are refused; `sort`, `aux` and `convert` do not change a recording.

mod account;
mod api;
mod currency;
mod data_source;
mod delivery;
mod envelope;
mod errors;
pub mod fault;
mod key;
mod listing_page;
mod market;
mod options;
mod playlist;
mod query;
mod recording;
mod seen;
mod server;
mod tamper;

pub use delivery::SIMULATED_HEADER;
pub use domain::ApiVersion;
pub use fault::{Fault, ParseFaultError, PlannedFault};
pub use options::{KeyPolicy, Options};
pub use recording::Recording;
pub use seen::Seen;
pub use server::Simulator;
