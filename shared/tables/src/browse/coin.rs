//! All about one coin but its past.

use domain::Measure;
use ports::store::{CoinIdentity, CoinRecord, NewestQuote};

use super::{Look, View, batch, columns, of, quote};
use crate::columns::COINS;
use crate::load::read;
use crate::row::{Row, Unreadable};

/// One coin.
#[derive(Debug)]
pub struct OneCoin {
    /// Its id.
    pub id: u32,
}

impl OneCoin {
    /// What it is, its newest quotes, what it was called, and the newest snapshot of all; the first three bind its id.
    pub fn statements() -> [String; 4] {
        // The views tell when a coin was seen last, which the tables under them do not always.
        let coins = of("c", COINS);
        let own = ["coin_id", "currency", "missing_fields", "last_updated", "fetched_at", "batch_id"];
        let own = of("q", own.into_iter().chain(columns(&Measure::ALL)));
        [
            format!("SELECT {coins} FROM coins AS c WHERE c.id = ?"),
            format!(
                "SELECT {own}, (SELECT MIN(h.last_updated) FROM history AS h \
                     WHERE h.coin_id = q.coin_id AND h.currency = q.currency) AS since \
                 FROM quotes_latest AS q WHERE q.coin_id = ? ORDER BY q.currency"
            ),
            "SELECT symbol, name, slug, first_seen_at, last_seen_at FROM coin_identities WHERE coin_id = ? \
             ORDER BY first_seen_at, last_seen_at, symbol, name, slug"
                .to_owned(),
            "SELECT batch_id FROM quotes_latest ORDER BY fetched_at DESC, batch_id DESC LIMIT 1".to_owned(),
        ]
    }
}

impl View for OneCoin {
    type Output = Option<CoinRecord>;

    async fn read<L: Look>(&self, look: &mut L) -> Result<Option<CoinRecord>, L::Error> {
        let id = || vec![self.id.into()];
        let [coins, quotes, identities, newest_batch] = Self::statements();
        let Some((_, known)) = look.rows(&coins, id(), read::coin).await?.pop() else { return Ok(None) };
        let quotes = look.rows(&quotes, id(), newest).await?;
        let identities = look.rows(&identities, id(), identity).await?;
        let newest = look.rows(&newest_batch, Vec::new(), batch).await?;
        Ok(Some(CoinRecord {
            coin: known.what,
            first_seen_at: known.first_seen_at,
            last_seen_at: known.last_seen_at,
            is_listed: quotes.iter().any(|quote| newest.contains(&quote.batch)),
            quotes,
            identities,
        }))
    }
}

fn newest(row: &dyn Row) -> Result<NewestQuote, Unreadable> {
    Ok(NewestQuote {
        quote: quote(row, &Measure::ALL)?,
        fetched_at: row.get("fetched_at")?,
        batch: batch(row)?,
        since: row.nullable("since")?,
    })
}

fn identity(row: &dyn Row) -> Result<CoinIdentity, Unreadable> {
    Ok(CoinIdentity {
        symbol: row.get("symbol")?,
        name: row.get("name")?,
        slug: row.get("slug")?,
        first_seen_at: row.get("first_seen_at")?,
        last_seen_at: row.get("last_seen_at")?,
    })
}
