//! The coins of a batch that goes: their newest quotes fall back, and they are as the other batches saw them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::sightings::{Changes, SeenCoin, SeenIdentity, changes};
use super::{Out, Session};
use crate::columns::{history, latest, of_table};
use crate::told;
use crate::write::Parameter;

/// Coins of a portion.
const COINS: u32 = 500;

type Fetches = BTreeSet<DateTime<Utc>>;

/// The next coins after `after` of which the tables show something of the batch now.
pub(super) async fn next<S: Session>(
    session: &mut S,
    out: &Out<'_>,
    fetches: &Fetches,
    after: u32,
) -> Result<Vec<u32>, S::Error> {
    let places = places(fetches);
    let seen = |table: &str, id: &str| {
        format!(
            "SELECT {id} AS id FROM {table} WHERE first_seen_at IN ({places}) OR last_seen_at IN ({places})"
        )
    };
    let sql = format!(
        "SELECT id FROM (SELECT coin_id AS id FROM quotes_latest WHERE batch_id = ? UNION {} UNION {}) AS shown \
         WHERE id > ? ORDER BY id LIMIT {COINS}",
        seen("coins", "id"),
        seen("coin_identities", "coin_id"),
    );
    let mut values: Vec<Parameter<'_>> = vec![out.batch.as_str().into()];
    values.extend((0..4).flat_map(|_| instants(fetches)));
    values.push(after.into());
    session.rows(sql, values, |row| row.get("id")).await
}

/// Takes the batch out of what the tables show of the coins `ids`. How many of its quotes were the newest of their coin, and how
/// many coins it alone had.
pub(super) async fn take_out<S: Session>(
    session: &mut S,
    out: &Out<'_>,
    fetches: &Fetches,
    ids: &[u32],
) -> Result<(u64, u64), S::Error> {
    let places = list(ids);
    let sql = format!("SELECT id FROM coin_descriptions WHERE id IN ({places}) ORDER BY id{}", S::COINS_LOCK);
    session.rows(sql, Vec::new(), |row| row.get::<u32>("id")).await?;
    for sql in [told::descriptions(&places), told::names(&places)] {
        session.run(sql, Vec::new()).await?;
    }
    let latest = fall_back(session, out, ids).await?;
    let coins = if fetches.is_empty() { 0 } else { unsee(session, out, fetches, ids).await? };
    Ok((latest, coins))
}

/// Replaces the batch's rows in `quotes_latest` by the newest in the history without it.
async fn fall_back<S: Session>(session: &mut S, out: &Out<'_>, ids: &[u32]) -> Result<u64, S::Error> {
    let of_batch = format!("FROM quotes_latest WHERE batch_id = ? AND coin_id IN ({})", list(ids));
    let id = || vec![out.batch.as_str().into()];
    let found = session.rows(format!("SELECT coin_id, currency {of_batch}"), id(), |row| {
        Ok((row.get::<String>("currency")?, row.get::<u32>("coin_id")?))
    });
    let found = found.await?;
    session.run(format!("DELETE {of_batch}"), id()).await?;
    let mut by_currency: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (currency, coin) in &found {
        by_currency.entry(currency).or_default().push(*coin);
    }
    // What coins say of themselves is not in the history: it comes back with the next snapshot, or a rebuild.
    let kept: Vec<_> = latest().into_iter().filter(|column| history().contains(column)).collect();
    for (currency, ids) in by_currency {
        let sql = format!(
            "INSERT INTO quotes_latest ({}, batch_id) SELECT {}, n.batch_id FROM ( \
                 SELECT c.id AS coin_id, ( \
                     SELECT x.last_updated FROM history AS x \
                     WHERE x.coin_id = c.id AND x.currency = ? AND x.batch <> {number} \
                     ORDER BY x.last_updated DESC LIMIT 1) AS newest \
                 FROM coin_descriptions AS c WHERE c.id IN ({})) AS held \
             JOIN history AS h ON h.last_updated = held.newest AND h.coin_id = held.coin_id AND h.currency = ? \
             JOIN batch_numbers AS n ON n.number = h.batch",
            kept.join(", "),
            of_table("h", &kept),
            list(&ids),
            number = out.number,
        );
        session.run(sql, vec![currency.into(), currency.into()]).await?;
    }
    Ok(found.len() as u64)
}

/// Sets the coins and their names back to what the others saw. How many coins nobody else did.
async fn unsee<S: Session>(
    session: &mut S,
    out: &Out<'_>,
    fetches: &Fetches,
    ids: &[u32],
) -> Result<u64, S::Error> {
    let (places, ids) = (places(fetches), list(ids));
    let sql = format!(
        "SELECT c.id AS id, c.first_seen_at AS first_seen_at, c.last_seen_at AS last_seen_at, \
             (SELECT MAX(q.fetched_at) FROM quotes_latest AS q WHERE q.coin_id = c.id) AS newest, \
             CASE WHEN c.first_seen_at IN ({places}) OR EXISTS ( \
                 SELECT 1 FROM coin_names AS i WHERE i.coin_id = c.id AND i.first_seen_at IN ({places})) \
             THEN (SELECT h.fetched_at FROM history AS h \
                   WHERE h.coin_id = c.id AND h.batch <> {} AND h.fetched_at > ? \
                   ORDER BY h.currency, h.last_updated LIMIT 1) END AS later \
         FROM coin_descriptions AS c WHERE c.id IN ({ids})",
        out.number
    );
    let values = instants(fetches).chain(instants(fetches)).chain(fetches.last().map(|at| (*at).into()));
    let coins = session.rows(sql, values.collect(), |row| {
        Ok(SeenCoin {
            id: row.get("id")?,
            first: row.get("first_seen_at")?,
            last: row.get("last_seen_at")?,
            newest: row.nullable("newest")?,
            later: row.nullable("later")?,
        })
    });
    let coins = coins.await?;
    let sql = format!("SELECT coin_id, first_seen_at, last_seen_at FROM coin_names WHERE coin_id IN ({ids})");
    let identities = session.rows(sql, Vec::new(), |row| {
        let (first, last) = (row.get("first_seen_at")?, row.get("last_seen_at")?);
        Ok(SeenIdentity { coin: row.get("coin_id")?, first, last })
    });
    let changes = changes(&coins, &identities.await?, fetches);
    write(session, &changes, fetches, &ids).await?;
    Ok(changes.gone.len() as u64)
}

/// Writes `changes` of the coins in the list `ids`.
async fn write<S: Session>(
    session: &mut S,
    changes: &Changes,
    fetches: &Fetches,
    ids: &str,
) -> Result<(), S::Error> {
    let places = places(fetches);
    if !changes.gone.is_empty() {
        let gone = list(&changes.gone);
        session.run(format!("DELETE FROM coin_descriptions WHERE id IN ({gone})"), Vec::new()).await?;
        session.run(format!("DELETE FROM coin_names WHERE coin_id IN ({gone})"), Vec::new()).await?;
    }
    let sql = format!(
        "DELETE FROM coin_names WHERE coin_id IN ({ids}) AND first_seen_at IN ({places}) AND last_seen_at IN ({places})"
    );
    session.run(sql, instants(fetches).chain(instants(fetches)).collect()).await?;
    // Those that another identity came after: when they were seen before is not known, but for the first time.
    if !changes.reverted.is_empty() {
        let reverted = list(&changes.reverted);
        let sql = format!(
            "UPDATE coin_names SET last_seen_at = first_seen_at \
             WHERE coin_id IN ({reverted}) AND last_seen_at IN ({places})"
        );
        session.run(sql, instants(fetches).collect()).await?;
    }
    for (table, id, column, by_instant) in [
        ("coin_names", "coin_id", "last_seen_at", &changes.identities_last),
        ("coin_names", "coin_id", "first_seen_at", &changes.identities_first),
        ("coin_descriptions", "id", "last_seen_at", &changes.last),
        ("coin_descriptions", "id", "first_seen_at", &changes.first),
    ] {
        for (at, ids) in by_instant {
            let sql = format!(
                "UPDATE {table} SET {column} = ? WHERE {id} IN ({}) AND {column} IN ({places})",
                list(ids)
            );
            let at: Parameter<'_> = (*at).into();
            session.run(sql, std::iter::once(at).chain(instants(fetches)).collect()).await?;
        }
    }
    if !changes.renamed.is_empty() {
        let newest = |text: &str| {
            format!(
                "{text} = (SELECT i.{text} FROM coin_names AS i WHERE i.coin_id = coin_descriptions.id \
                           ORDER BY i.last_seen_at DESC, i.first_seen_at DESC LIMIT 1)"
            )
        };
        let sql = format!(
            "UPDATE coin_descriptions SET {} WHERE id IN ({}) AND EXISTS (SELECT 1 FROM coin_names AS i WHERE i.coin_id = coin_descriptions.id)",
            ["symbol", "name", "slug"].map(newest).join(", "),
            list(&changes.renamed)
        );
        session.run(sql, Vec::new()).await?;
    }
    Ok(())
}

/// What stands between the parentheses after `IN`: ids are digits, which no database can misread.
fn list(ids: &[u32]) -> String {
    ids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

fn places(fetches: &Fetches) -> String {
    if fetches.is_empty() { "NULL".to_owned() } else { vec!["?"; fetches.len()].join(", ") }
}

fn instants<'a>(fetches: &Fetches) -> impl Iterator<Item = Parameter<'a>> {
    fetches.iter().map(|at| (*at).into())
}
