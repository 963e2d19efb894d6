//! The chunks that the transformer makes of pages.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use domain::wire::{self, RowsMessage};
use domain::{Chunk, Message};
use ports::{QueueName, SystemClock};
use stage::Stage;
use telemetry::Metrics;
use transformer::Transformer;

use crate::page_file;

/// The messages of the rows queue for the pages in `files`, page by page.
pub(crate) async fn messages(files: &[PathBuf]) -> anyhow::Result<Vec<Vec<Message>>> {
    let settings = config::Transform { concurrency: 1, deadline: Duration::from_mins(1), chunk_coins: 1000 };
    let transformer = Transformer::new(settings, Arc::new(SystemClock), &Metrics::default());
    let mut all = Vec::new();
    for (_, page) in page_file::read_all(files)? {
        let outputs = transformer.handle(&page).await?;
        let rows = outputs.into_iter().filter(|output| output.to == QueueName::Rows);
        all.push(rows.map(|output| output.message).collect());
    }
    Ok(all)
}

/// What these messages say.
pub(crate) fn decode(messages: &[Message]) -> anyhow::Result<Vec<Chunk>> {
    messages
        .iter()
        .map(|message| match wire::decode(&message.body)? {
            RowsMessage::Chunk(chunk) => Ok(chunk),
            RowsMessage::Fetched(_) | RowsMessage::Market(_) | RowsMessage::Schedule(_) => {
                bail!("it is no chunk")
            }
        })
        .collect()
}

/// Coins in `chunks`.
pub(crate) fn rows(chunks: &[Chunk]) -> usize {
    chunks.iter().map(|chunk| chunk.rows.len()).sum()
}
