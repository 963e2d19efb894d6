//! The past of coins, to be drawn: no more of it than there is room for.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, Utc};
use ports::store::{ChartPoint, Divided};

use super::Dialect;
use crate::row::{Row, Unreadable};
use crate::write::{Asked, Parameter};

/// What the number of the part that a quote is in binds.
fn part_of<'a>(span: Divided) -> [Parameter<'a>; 2] {
    [span.from.trunc_subsecs(0).into(), span.seconds().into()]
}

/// A point for each part of the span that has quotes, for [`point`].
pub fn points<'a>(dialect: &Dialect, coin: u32, currency: &'a str, span: Divided) -> Asked<'a> {
    let Dialect { join, by_coin, part, .. } = dialect;
    let sql = format!(
        "SELECT g.first_at AS first_at, g.last_at AS last_at, g.low AS low, g.high AS high, g.quotes AS quotes, \
             a.price AS first_price, z.price AS last_price, z.volume_24h AS volume_24h, z.market_cap AS market_cap \
         FROM (SELECT {part} AS part, MIN(last_updated) AS first_at, MAX(last_updated) AS last_at, \
                   MIN(price) AS low, MAX(price) AS high, COUNT(*) AS quotes \
               FROM history{by_coin} \
               WHERE coin_id = ? AND currency = ? AND last_updated >= ? AND last_updated < ? AND price IS NOT NULL \
               GROUP BY part) AS g \
         {join} history AS a ON a.last_updated = g.first_at AND a.coin_id = ? AND a.currency = ? \
         {join} history AS z ON z.last_updated = g.last_at AND z.coin_id = ? AND z.currency = ? \
         ORDER BY g.first_at"
    );
    let whose = || [Parameter::from(coin), currency.into()];
    let quotes = part_of(span).into_iter().chain(whose()).chain([span.from.into(), span.until.into()]);
    (sql, quotes.chain(whose()).chain(whose()).collect())
}

/// A row of [`points`].
pub fn point(row: &dyn Row) -> Result<ChartPoint, Unreadable> {
    Ok(ChartPoint {
        first_at: row.get("first_at")?,
        last_at: row.get("last_at")?,
        first: row.get("first_price")?,
        low: row.get("low")?,
        high: row.get("high")?,
        last: row.get("last_price")?,
        volume_24h: row.nullable("volume_24h")?,
        market_cap: row.nullable("market_cap")?,
        quotes: row.get("quotes")?,
    })
}

/// The last quote of each of these coins in each part of the span, for [`of_line`]; `None` when there are no coins. Which these are
/// is found in the index.
pub fn lines<'a>(dialect: &Dialect, coins: &[u32], currency: &'a str, span: Divided) -> Option<Asked<'a>> {
    let first = *coins.first()?;
    // Few texts, for prepared statements are kept: coins are repeated to fill the places.
    let places = coins.len().next_power_of_two();
    let coins = coins.iter().copied().chain(std::iter::repeat(first)).take(places);
    let Dialect { join, by_coin, part, .. } = dialect;
    let list = vec!["?"; places].join(", ");
    let sql = format!(
        "SELECT h.coin_id AS coin_id, h.last_updated AS last_updated, h.price AS price \
         FROM (SELECT coin_id, {part} AS part, MAX(last_updated) AS last_at FROM history{by_coin} \
               WHERE coin_id IN ({list}) AND currency = ? AND last_updated >= ? AND last_updated < ? \
               GROUP BY coin_id, part) AS g \
         {join} history AS h ON h.last_updated = g.last_at AND h.coin_id = g.coin_id AND h.currency = ?"
    );
    let values = part_of(span).into_iter().chain(coins.map(Parameter::from));
    let rest = [currency.into(), span.from.into(), span.until.into(), currency.into()];
    Some((sql, values.chain(rest).collect()))
}

/// A row of [`lines`].
pub fn of_line(row: &dyn Row) -> Result<(u32, DateTime<Utc>, Option<f64>), Unreadable> {
    Ok((row.get("coin_id")?, row.get("last_updated")?, row.nullable("price")?))
}

/// The rows of [`lines`] by their coins.
pub fn collected(found: Vec<(u32, DateTime<Utc>, Option<f64>)>) -> BTreeMap<u32, Vec<(DateTime<Utc>, f64)>> {
    let mut lines = BTreeMap::<_, Vec<_>>::new();
    for (coin, at, price) in found {
        if let Some(price) = price {
            lines.entry(coin).or_default().push((at, price));
        }
    }
    for line in lines.values_mut() {
        line.sort_unstable_by_key(|(at, _)| *at);
    }
    lines
}
