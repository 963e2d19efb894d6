//! What the rules will say about the rows of an import, before anything is loaded.

use anyhow::Context;
use chrono::{DateTime, Utc};
use domain::{Message, PageMeta, decompress_body};

use crate::{numbers, output};

/// A row that a rule will reject.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    coin: Option<u32>,
    reason: String,
}

/// The rows on `pages` that the transformer's rules reject at `now`.
pub(super) async fn refused(
    pages: Vec<(PageMeta, Message)>,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<Refused>> {
    let cleaning = tokio::task::spawn_blocking(move || {
        let mut refused = Vec::new();
        for (meta, message) in pages {
            let body = decompress_body(&message.body).context("a page of the import cannot be read")?;
            let cleaned = transformer::clean(&meta, &body, now)?;
            refused.extend(
                cleaned.rejects.into_iter().map(|row| Refused { coin: row.coin_id, reason: row.reason }),
            );
        }
        Ok(refused)
    });
    cleaning.await?
}

/// Lists them, `most` at most.
pub(super) fn print(refused: &[Refused], most: usize) -> anyhow::Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    let rows = refused.iter().take(most).map(|row| {
        let coin = row.coin.map_or_else(|| "?".to_owned(), |id| id.to_string());
        vec![coin, domain::one_line(&row.reason, 150)]
    });
    output::print(output::table(&["coin", "what is wrong with its row"], &[0], rows))?;
    let count = numbers::counted(refused.len() as u64, "row");
    output::print(format!("rejected  {count}: the rules refuse them, so they would become dead letters\n"))
}
