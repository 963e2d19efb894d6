//! Which quotes the chunks of a page bring, without their numbers: what a proof compares with the tables. The same rules and the
//! same cut as in the stage.

use chrono::{DateTime, Utc};
use domain::PageMeta;

use crate::clean::clean;
use crate::fault::PageFault;
use crate::messages::{Element, sorted};

/// The quotes of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkKeys {
    /// Its number in the page, from 1.
    pub chunk: u32,
    /// How many chunks the page has.
    pub chunks: u32,
    /// Coins that a rule rejected.
    pub rejected: u32,
    /// The coin, which of the page's [currencies](PageMeta::currencies), and when the quote changed, in milliseconds since 1970.
    pub quotes: Vec<(u32, usize, i64)>,
}

/// The chunks of `chunk_coins` coins of the page `meta` with the decompressed `body`; `now` tells what lies in the future.
pub fn chunk_keys(
    meta: &PageMeta,
    body: &[u8],
    chunk_coins: u32,
    now: DateTime<Utc>,
) -> Result<Vec<ChunkKeys>, PageFault> {
    let cleaned = clean(meta, body, now)?;
    let rows = cleaned.rows()?;
    let all = sorted(&cleaned)?;
    let size = chunk_coins.max(1) as usize;
    let chunks = u32::try_from(all.len().div_ceil(size).max(1)).unwrap_or(u32::MAX);
    let mut parts = all.chunks(size);
    (1..=chunks)
        .map(|chunk| {
            let part = parts.next().unwrap_or_default();
            let passed: Vec<_> = part.iter().filter_map(Element::position).collect();
            let rejected = u32::try_from(part.len() - passed.len()).unwrap_or(u32::MAX);
            let mut quotes = Vec::with_capacity(passed.len() * meta.currencies().len());
            for position in passed {
                let (coin, _) = cleaned.place(position)?;
                let changes = rows.last_updated(position).enumerate();
                quotes.extend(changes.filter_map(|(currency, at)| Some((coin, currency, at?))));
            }
            Ok(ChunkKeys { chunk, chunks, rejected, quotes })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use domain::Chunk;
    use domain::wire::{RowsMessage, decode};
    use ports::QueueName;

    use super::*;
    use crate::messages::outputs;
    use crate::test_page::{TestCoin, body, meta, now};

    /// Of a page with two currencies and coins that are rejected, in chunks of seven.
    #[test]
    fn the_keys_are_those_of_the_chunks_that_the_stage_sends() {
        let meta = PageMeta { convert: vec!["USD".to_owned(), "EUR".to_owned()], ..meta() };
        let coin = |id: u32| {
            let coin = TestCoin::new(id).also_in("EUR");
            if id.is_multiple_of(5) { coin.set("quote.price", "-1") } else { coin }.json()
        };
        let page = body(&(1..=20).rev().map(coin).collect::<Vec<_>>());
        let cleaned = clean(&meta, &page, now()).unwrap();
        let outputs = outputs(&meta, &cleaned, 7, now()).unwrap();
        let chunks = outputs.iter().filter(|output| output.to == QueueName::Rows);
        let sent: Vec<_> = chunks
            .map(|output| match decode(&output.message.body).unwrap() {
                RowsMessage::Chunk(chunk) => keys_of(&chunk),
                other => panic!("only chunks are made here: {other:?}"),
            })
            .collect();
        assert_eq!(chunk_keys(&meta, &page, 7, now()).unwrap(), sent);
        assert_eq!(
            sent.iter().map(|keys| (keys.rejected, keys.quotes.len())).collect::<Vec<_>>(),
            [(1, 12), (1, 12), (2, 8)]
        );
    }

    fn keys_of(chunk: &Chunk) -> ChunkKeys {
        let convert = &chunk.page.convert;
        let currency = |name: &str| convert.iter().position(|known| known == name).unwrap();
        let quotes = chunk.rows.iter().flat_map(|row| {
            let of_coin = |quote: &domain::Quote| {
                (row.coin.id, currency(&quote.currency), quote.last_updated.timestamp_millis())
            };
            row.quotes.iter().map(of_coin).collect::<Vec<_>>()
        });
        ChunkKeys {
            chunk: chunk.chunk,
            chunks: chunk.chunks,
            rejected: chunk.rejected,
            quotes: quotes.collect(),
        }
    }
}
