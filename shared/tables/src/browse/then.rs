//! The market as it was.

use domain::Measure;
use ports::store::{CoinQuote, MarketThen};

use super::{Dialect, coin_quote, columns, of};
use crate::row::{Row, Unreadable};
use crate::write::Asked;

/// Coins of the market at an instant, for [`coin`]. One look into the index for each coin there ever was, however far back.
pub fn coins<'a>(dialect: &Dialect, then: &'a MarketThen, after: u32, limit: u32) -> Asked<'a> {
    let MarketThen { currency, at, after: not_before } = then;
    let Dialect { join, .. } = dialect;
    let names = of("c", ["symbol", "name", "slug"]);
    let own = ["coin_id", "currency", "missing_fields", "last_updated", "fetched_at"];
    let own = of("h", own.into_iter().chain(columns(&Measure::HISTORY)));
    let sql = format!(
        "SELECT {names}, {own}, b.batch_id AS batch_id FROM coin_descriptions AS c \
         {join} history AS h ON h.coin_id = c.id AND h.currency = ? AND h.last_updated = ( \
             SELECT MAX(n.last_updated) FROM history AS n \
             WHERE n.coin_id = c.id AND n.currency = ? AND n.last_updated <= ? AND n.last_updated > ?) \
         {join} batch_numbers AS b ON b.number = h.batch \
         WHERE c.id > ? ORDER BY c.id LIMIT ?"
    );
    let currency = currency.as_str();
    let values = vec![
        currency.into(),
        currency.into(),
        (*at).into(),
        (*not_before).into(),
        after.into(),
        limit.into(),
    ];
    (sql, values)
}

/// A row of [`coins`].
pub fn coin(row: &dyn Row) -> Result<CoinQuote, Unreadable> {
    coin_quote(row, &Measure::HISTORY)
}
