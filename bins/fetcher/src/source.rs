//! Where quotes come from: the real API, with a key or without, another server, or our own simulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use config::{Fetch, Secret, Source};
use ports::Clock;
use simulator::Simulator;

const COINMARKETCAP: &str = "https://pro-api.coinmarketcap.com";

/// Where the fetcher gets its pages.
pub struct ChosenSource {
    /// Base URL of the API.
    pub base_url: String,
    /// Key; empty when the server needs none.
    pub api_key: Secret,
    /// Whether only what needs no key is asked for.
    pub keyless: bool,
    /// The simulator that runs in this process, when the data is made up. Stops when dropped.
    pub simulator: Option<Simulator>,
}

/// Picks the source: what needs no key when `fetch.source` says so; else `base_url` when set, the real API when there is a key, else a simulator of our own
/// on a free loopback port.
pub async fn choose_source(fetch: &Fetch, clock: Arc<dyn Clock>) -> anyhow::Result<ChosenSource> {
    let keyless = fetch.source == Source::Keyless;
    if keyless || !fetch.base_url.is_empty() || !fetch.api_key.is_empty() {
        let base_url = if fetch.base_url.is_empty() { COINMARKETCAP } else { &fetch.base_url };
        return Ok(ChosenSource {
            base_url: base_url.to_owned(),
            api_key: fetch.api_key.clone(),
            keyless,
            simulator: None,
        });
    }
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let simulator = Simulator::start(loopback, simulator::Options::default(), clock).await?;
    Ok(ChosenSource {
        base_url: simulator.url(),
        api_key: Secret::new("simulated"),
        keyless: false,
        simulator: Some(simulator),
    })
}
