//! Encode and decode: chunks to the bytes of the rows queue, and back.

use std::hint::black_box;
use std::path::PathBuf;

use domain::wire;
use serde_json::json;

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
    say(&watch.stop("encode", rows * TIMES)?)?;
    let watch = Stopwatch::start()?;
    for message in std::iter::repeat_n(&messages, TIMES).flatten() {
        black_box(wire::decode(black_box(&message.body))?);
    }
    say(&watch.stop("decode", rows * TIMES)?)?;
    let bytes: usize = messages.iter().map(|message| message.body.len()).sum();
    say(&json!({ "name": "wire", "rows": rows, "bytes": bytes }))
}
