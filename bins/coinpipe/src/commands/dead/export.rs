//! `coinpipe dead export`: letters with their bodies, as JSON, one a line.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use desk::whole_json;
use ports::store::DeskLetter;
use service::Process;

use super::acting::letters;
use super::which::WhichArgs;
use crate::{adapters, output};

/// Letters that are looked up at a time; their bodies are read one by one.
const PORTION: u32 = 200;

/// Write letters with all that is known of them, one JSON object a line
#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// Into this file, which must not exist; without it: to stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn run(process: &Process, args: &ExportArgs) -> anyhow::Result<()> {
    let Some(stores) = process.open_stores_read_only().await? else {
        output::say(adapters::nothing_at(&process.config().store.url));
        return Ok(());
    };
    let filter = args.which.filter(&stores, process.clock.now()).await?;
    let mut file = match &args.out {
        Some(path) => {
            let file = std::fs::File::create_new(path)
                .with_context(|| format!("cannot write {}", path.display()))?;
            Some(std::io::BufWriter::new(file))
        }
        None => None,
    };
    let (mut after, mut written) = (None, 0);
    loop {
        let page = stores.desk.list(&filter, after.as_ref(), PORTION).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key());
        for DeskLetter { summary, handling } in &page {
            // It may have been purged meanwhile.
            let Some(filed) = stores.letters.letter(summary.id.as_str()).await? else { continue };
            let line = serde_json::to_string(&whole_json(&filed, handling)?)?;
            match &mut file {
                // A line break within a page is no end of the letter.
                Some(file) => writeln!(file, "{}", line.replace('\n', " "))?,
                None => output::print(line.replace('\n', " "))?,
            }
            written += 1;
        }
    }
    if let Some(mut file) = file {
        file.flush()?;
    }
    output::say(format!("exported  {}", letters(written)));
    Ok(())
}
