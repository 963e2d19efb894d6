//! `coinpipe simulate`: the simulator as a server of its own.

use std::sync::Arc;

use service::{Process, Usage};
use simulator::{KeyPolicy, Options, Recording, Simulator};

use crate::cli::SimulateArgs;
use crate::output;

pub(crate) async fn run(process: &Process, args: &SimulateArgs) -> anyhow::Result<()> {
    if args.fault.iter().any(|fault| fault == "help") {
        return output::print(simulator::fault::WRITTEN);
    }
    let options = options(args)?;
    let simulator = Simulator::start(args.listen, options, Arc::clone(&process.clock)).await?;
    let kind = if args.serve.is_empty() { "a made-up market" } else { "recorded responses" };
    let url = simulator.url();
    output::say(format!("serving {kind} at {url}; try it with COINPIPE__FETCH__BASE_URL={url}"));
    process.shutdown.soft().cancelled().await;
    simulator.stop().await;
    Ok(())
}

/// The options that the arguments ask for; a mistake in them ends the program with code 2.
fn options(args: &SimulateArgs) -> anyhow::Result<Options> {
    let mut options = Options {
        coins: args.coins,
        rate_limit_minute: args.rate_limit,
        credits_monthly: args.credits,
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
