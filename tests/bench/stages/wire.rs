//! Encode and decode: chunks to the bytes of the rows queue, and back.

use std::hint::black_box;
use std::path::PathBuf;

use domain::wire;

use crate::chunks;
use crate::said::say;
use crate::stopwatch::Stopwatch;

/// How often all is encoded and decoded: once is over too soon.
const TIMES: usize = 5;

pub(crate) async fn run(files: &[PathBuf]) -> anyhow::Result<()> {
    let messages = chunks::messages(files).await?.concat();
    let chunks = chunks::decode(&messages)?;
    let rows = chunks::rows(&chunks);
    let watch = Stopwatch::start()?;
    for chunk in std::iter::repeat_n(&chunks, TIMES).flatten() {
        black_box(wire::encode_chunk(black_box(chunk)));
    }
    watch.say("encode", rows * TIMES)?;
    let watch = Stopwatch::start()?;
    for message in std::iter::repeat_n(&messages, TIMES).flatten() {
        black_box(wire::decode(black_box(&message.body))?);
    }
    watch.say("decode", rows * TIMES)?;
    let bytes: usize = messages.iter().map(|message| message.body.len()).sum();
    let (rows, bytes) = (u32::try_from(rows)?, u32::try_from(bytes)?);
    say("wire", &[("rows", rows.into()), ("bytes", bytes.into())])
}
