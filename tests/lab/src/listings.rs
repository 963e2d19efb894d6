//! Whole responses of the listings API, for tests that compare what becomes of each number with what was sent.

use std::path::{Path, PathBuf};

/// A file that holds one whole response of `cryptocurrency/listings/latest`.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Where it is.
    pub path: PathBuf,
    /// The version of the API whose shape it has: `v1` or `v3`.
    pub version: &'static str,
    /// The currencies that each of its coins has a quote in, in their order.
    pub currencies: &'static [&'static str],
    /// How many coins it has.
    pub coins: usize,
}

/// The responses in `tests/data`, which we made up and which are always there, and then the recorded ones in
/// `../shared/samples`, which are never committed: those that are there.
pub fn listings() -> Vec<Listing> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let own = tests.join("data");
    let recorded = tests.join("../../shared/samples");
    let listing = |path, version, currencies, coins| Listing { path, version, currencies, coins };
    let own = [
        listing(own.join("listings_v1.json"), "v1", &["USD", "EUR"][..], 12),
        listing(own.join("listings_v3.json"), "v3", &["USD", "EUR"], 12),
    ];
    let recorded = [
        listing(
            recorded.join("KonradOstrowskii__api_Coin_Market_Cap__crypto_data.json"),
            "v1",
            &["USD"][..],
            100,
        ),
        listing(recorded.join("CMC-docs__v3_listings_latest_example.json"), "v3", &["USD"], 4),
    ];
    own.into_iter().chain(recorded.into_iter().filter(|listing| listing.path.exists())).collect()
}
