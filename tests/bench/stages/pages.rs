//! The input: pages of the simulator's market at one instant after the other, as a fetcher would have received them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use domain::{ApiVersion, BatchId, Origin, PageMeta, Slot, compress_body, timestamp};
use simulator::{KeyPolicy, Options, Simulator};
use testkit::clock::ManualClock;

use crate::page_file;

#[derive(Args)]
pub(crate) struct PagesArgs {
    /// Where to; it is created
    folder: PathBuf,
    /// How many
    #[arg(long)]
    pages: u32,
    /// Coins in each
    #[arg(long)]
    coins: u32,
    /// When the first was fetched
    #[arg(long, value_parser = instant)]
    first: DateTime<Utc>,
    /// Minutes from each to the next in the order of their names; below 0 the newest comes first
    #[arg(long, default_value_t = 60, allow_negative_numbers = true)]
    step: i64,
    /// Write the responses as they were received, too
    #[arg(long)]
    plain: bool,
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    timestamp::from_text(text).ok_or_else(|| format!("{text} is no instant"))
}

pub(crate) async fn run(args: &PagesArgs) -> anyhow::Result<()> {
    std::fs::create_dir_all(&args.folder)
        .with_context(|| format!("cannot make {}", args.folder.display()))?;
    let clock = ManualClock::starting_at(args.first);
    let options = Options {
        coins: args.coins,
        keys: KeyPolicy::NotNeeded,
        rate_limit_minute: u32::MAX,
        credits_monthly: u64::MAX,
        ..Options::default()
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let simulator = Simulator::start(address, options, Arc::new(clock.clone())).await?;
    let host = simulator.url().trim_start_matches("http://").to_owned();
    for (number, at) in (1..=args.pages).zip(0..) {
        let at = args.first + TimeDelta::minutes(args.step * at);
        clock.set(at);
        let (host, coins) = (host.clone(), args.coins);
        let body = tokio::task::spawn_blocking(move || ask(&host, coins)).await??;
        let slot = Slot::at(at);
        let convert = vec!["USD".to_owned()];
        let meta = PageMeta {
            batch: BatchId::new(slot, "listings", &convert),
            slot,
            page: 1,
            pages: 1,
            fetched_at: at,
            endpoint: "listings".to_owned(),
            api_version: ApiVersion::V3,
            convert,
            currency: None,
            simulated: true,
            origin: Origin::Replay,
        };
        let name = format!("page-{number:04}.json");
        page_file::write(&args.folder.join(format!("{name}.zst")), &meta.to_message(compress_body(&body)))?;
        if args.plain {
            std::fs::write(args.folder.join(name), body).context("cannot write a response")?;
        }
    }
    simulator.stop().await;
    Ok(())
}

/// The answer to what a fetcher asks. The request is written by hand: reqwest is walled in (decision 2).
fn ask(host: &str, coins: u32) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(host)?;
    let path = format!("/v3/cryptocurrency/listings/latest?start=1&limit={coins}&convert=USD");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").context("the answer has no body")?;
    let body = answer.split_off(end + 4);
    ensure!(answer.starts_with(b"HTTP/1.0 200"), "{}", String::from_utf8_lossy(&answer));
    Ok(body)
}
