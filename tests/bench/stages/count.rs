//! One thing, so many times, and as little else as possible: for tools that count instructions.

use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use domain::{decompress_body, wire};
use ports::{Clock, SystemClock};

use crate::said::say;
use crate::{chunks, page_file};

#[derive(Args)]
pub(crate) struct CountArgs {
    /// What to do
    what: What,
    /// A page that `pages` wrote
    page: PathBuf,
    /// How often
    #[arg(long)]
    times: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// The page, decompressed, into rows
    Clean,
    /// Its chunks into bytes
    Encode,
    /// The bytes into chunks
    Decode,
}

/// Does it, and says how many rows it did each time.
pub(crate) fn run(args: &CountArgs) -> ExitCode {
    match count(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(std::io::stderr().lock(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn count(args: &CountArgs) -> anyhow::Result<()> {
    let files = std::slice::from_ref(&args.page);
    // All three get ready in the same way, so that what differs is the work.
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let messages = runtime.block_on(chunks::messages(files))?.concat();
    let decoded = chunks::decode(&messages)?;
    let (meta, page) = page_file::read_all(files)?.pop().context("there is no page")?;
    let body = decompress_body(&page.body)?;
    let (rows, now) = (chunks::rows(&decoded), SystemClock.now());
    ensure!(rows > 0, "the page holds no coins");
    for _ in 0..args.times {
        match args.what {
            What::Clean => drop(black_box(transformer::clean(&meta, black_box(&body), now)?)),
            What::Encode => decoded.iter().for_each(|chunk| {
                black_box(wire::encode_chunk(black_box(chunk)));
            }),
            What::Decode => {
                for message in &messages {
                    black_box(wire::decode(black_box(&message.body))?);
                }
            }
        }
    }
    say("count", &[("rows", u32::try_from(rows)?.into())])
}
