//! `coinpipe simulate`: the simulator as a server of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use service::{Process, Usage};
use simulator::{KeyPolicy, Options, Recording, Simulator};

use crate::output;

#[derive(Args, Debug)]
pub(crate) struct SimulateArgs {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:18080", value_name = "ADDR")]
    listen: SocketAddr,
    /// How many coins the made-up market has
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    coins: u32,
    /// Serve these recorded responses instead, one after the other; the last one repeats
    #[arg(long, num_args = 1.., value_name = "FILE")]
    serve: Vec<PathBuf>,
    /// Accept only this API key (any non-empty key when not given)
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// Answer requests without a key, too: fetchers send none over plain HTTP to another machine
    #[arg(long, conflicts_with = "key")]
    no_key: bool,
    /// Requests per UTC minute
    #[arg(long, default_value_t = 30, value_name = "N")]
    rate_limit: u32,
    /// Requests without a key per UTC minute, below /public-api
    #[arg(long, default_value_t = 30, value_name = "N")]
    anonymous_limit: u32,
    /// Credits per day, if the plan has such a limit
    #[arg(long, value_name = "N")]
    credits_daily: Option<u64>,
    /// Currencies in one request
    #[arg(long, default_value_t = 120, value_name = "N")]
    converts: usize,
    /// Credits per month
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    credits: u64,
    /// Misbehave: `status=500`, `error=1008`, `slow=2s`, `truncate`, `html`, …; `help` lists them all, with what each does.
    /// FAULT:N does it for the next N requests only
    #[arg(long, value_name = "FAULT")]
    fault: Vec<String>,
}

pub(crate) async fn run(process: &Process, args: &SimulateArgs) -> anyhow::Result<()> {
    if args.fault.iter().any(|fault| fault == "help") {
        return output::print(simulator::fault::help());
    }
    let options = options(args)?;
    let simulator = Simulator::start(args.listen, options, Arc::clone(&process.clock)).await?;
    let kind = if args.serve.is_empty() { "a made-up market" } else { "recorded responses" };
    let url = simulator.url();
    let key = match (args.no_key, args.key.is_empty()) {
        (true, _) => "",
        (false, true) => "CMC_API_KEY=any ",
        (false, false) => "CMC_API_KEY=KEY ",
    };
    output::say(format!("serving {kind} at {url}; try it with {key}COINPIPE__FETCH__BASE_URL={url}"));
    process.shutdown.soft().cancelled().await;
    simulator.stop().await;
    Ok(())
}

/// The options that the arguments ask for; a mistake in them ends the program with code 2.
fn options(args: &SimulateArgs) -> anyhow::Result<Options> {
    let mut options = Options {
        coins: args.coins,
        rate_limit_minute: args.rate_limit,
        anonymous_minute: args.anonymous_limit,
        credits_monthly: args.credits,
        credits_daily: args.credits_daily,
        converts: args.converts,
        ..Options::default()
    };
    if args.no_key {
        options.keys = KeyPolicy::NotNeeded;
    }
    if !args.key.is_empty() {
        options.keys = KeyPolicy::OneOf(args.key.clone());
    }
    for fault in &args.fault {
        options.faults.push(fault.parse().map_err(|error| Usage(format!("--fault {fault}: {error}")))?);
    }
    for path in &args.serve {
        let recording = Recording::read(path).map_err(|error| Usage(format!("--serve: {error:#}")))?;
        options.recordings.push(recording);
    }
    Ok(options)
}
