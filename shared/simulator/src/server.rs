//! The running simulator: a socket, a background task, and a handle that stops it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ports::Clock;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::fault::PlannedFault;
use crate::options::Options;
use crate::seen::Seen;

/// More coins than this are refused: every call looks at all of them.
const MAX_COINS: u32 = 100_000;
/// A client that has stopped reading may hold up a stop for so long.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// A fetcher asks for a few pages at once. Answers may be slow on purpose, so a connection has long.
const LIMITS: web::Limits =
    web::Limits { connections: 256, head: Duration::from_secs(5), whole: Duration::from_mins(10) };

/// A CoinMarketCap API that is being served. Stops when dropped.
pub struct Simulator {
    address: SocketAddr,
    api: Arc<Api>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Serves at `address` (port 0 for any free one) until stopped; requests are answered as soon as this
    /// returns. `clock` decides which minute the market is in, which limits have started over, and how long slow
    /// answers take. Fails if the address cannot be bound.
    pub async fn start(address: SocketAddr, options: Options, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        ensure!(
            options.coins <= MAX_COINS,
            "the simulator has at most {MAX_COINS} coins, not {}",
            options.coins
        );
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))?;
        let address = listener.local_addr().context("failed to read the simulator's own address")?;
        let stop = CancellationToken::new();
        let api = {
            let stop = stop.clone();
            tokio::task::spawn_blocking(move || Arc::new(Api::new(options, clock, stop)))
                .await
                .context("failed to grow the simulated market")?
        };
        let task = tokio::spawn(web::serve(listener, Arc::clone(&api).routes(), LIMITS, stop.clone()));
        Ok(Self { address, api, stop, task: Some(task) })
    }

    /// Where it listens, for clients on this machine: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("http://{address}")
    }

    /// Replaces what goes wrong, from the next request on. Without faults all is well again.
    pub fn set_faults(&self, faults: impl IntoIterator<Item = PlannedFault>) {
        self.api.set_faults(faults.into_iter().collect());
    }

    /// The newest 10,000 requests, oldest first, including those that were refused.
    pub fn requests(&self) -> Vec<Seen> {
        self.api.seen.all()
    }

    /// Stops listening, cuts slow answers short and waits until the last connection is closed.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(mut task) = self.task.take()
            && tokio::time::timeout(STOP_PATIENCE, &mut task).await.is_err()
        {
            task.abort();
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
