//! `coinpipe dead export`: letters with their bodies, as JSON, one a line.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use desk::whole_json;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ports::store::DeskLetter;
use service::Process;

use super::acting::letters;
use super::which::WhichArgs;
use crate::part::Part;
use crate::{adapters, output};

/// Letters that are looked up at a time; their bodies are read one by one.
const PORTION: u32 = 200;

/// More than any desk has.
const MOST: u64 = u64::MAX >> 1;

/// Write letters with all that is known of them, one JSON object a line
#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// Into this file, which must not exist, and gets its name when it is whole (until then it is FILE.part); without it: to stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The bar of so many letters.
fn bar(letters: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(letters), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} letters [{elapsed}, {eta} left]")
    {
        bar.set_style(style);
    }
    bar
}

pub(super) async fn run(process: &Process, args: &ExportArgs) -> anyhow::Result<()> {
    let Some(stores) = process.open_stores_read_only().await? else {
        output::say(adapters::nothing_at(&process.config().store.url));
        return Ok(());
    };
    let filter = args.which.filter(&stores, process.clock.now()).await?;
    let mut file = args.out.as_deref().map(Part::create).transpose()?;
    let bar = match &file {
        // Lines on a terminal are progress enough, and nobody sees a bar elsewhere.
        Some(_) if std::io::stderr().is_terminal() => bar(stores.desk.count(&filter, MOST).await?),
        _ => ProgressBar::hidden(),
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
                Some(file) => file.write_all((line.replace('\n', " ") + "\n").as_bytes())?,
                None => output::print(line.replace('\n', " "))?,
            }
            written += 1;
            bar.set_position(written);
        }
    }
    bar.finish_and_clear();
    if let Some(file) = file {
        file.finish()?;
    }
    output::say(format!("exported  {}", letters(written)));
    Ok(())
}
