//! The coins of a batch that goes: their newest quotes fall back, and they are as the other batches saw them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::Measure;

use super::sightings::{Changes, SeenCoin, SeenIdentity, changes};
use super::{Out, Session};
use crate::columns::{history, latest};
use crate::load::statements::Reader;
use crate::told;
use crate::write::Parameter;

/// Coins of a portion.
const COINS: usize = 500;

/// Coins that a portion looks at, to find those.
const LOOKED_AT: usize = 2000;

/// Identities of one statement: each is named by its coin and its instants.
const IDENTITIES: usize = 100;

/// When the pages of the batch were fetched. There may be as many as it has pages: no statement names them.
type Fetches = BTreeSet<DateTime<Utc>>;

/// Coins of which the tables show something of the batch.
pub(super) struct Shown {
    /// Their ids, in order.
    pub(super) ids: Vec<u32>,
    /// Go on after this one; `None`: there are no more.
    pub(super) next: Option<u32>,
}

/// What left what the tables show of some coins.
#[derive(Default)]
pub(super) struct TakenOut {
    /// Rows of `quotes_latest` that were of the batch,
    pub(super) latest: u64,
    /// and those of them that fell back to an older quote.
    pub(super) fell_back: u64,
    /// Coins that only the batch had.
    pub(super) coins: u64,
}

/// The next coins after `after` of which the tables show something of the batch now.
pub(super) async fn next<S: Session>(
    session: &mut S,
    out: &Out<'_>,
    fetches: &Fetches,
    after: u32,
) -> Result<Shown, S::Error> {
    let sql = format!(
        "SELECT id, first_seen_at, last_seen_at FROM coins WHERE id > ? ORDER BY id LIMIT {LOOKED_AT}"
    );
    let seen: Reader<(u32, DateTime<Utc>, DateTime<Utc>)> =
        |row| Ok((row.get("id")?, row.get("first_seen_at")?, row.get("last_seen_at")?));
    let coins = session.rows(sql, vec![after.into()], seen).await?;
    let up_to = match coins.last() {
        Some((last, ..)) if coins.len() == LOOKED_AT => *last,
        _ => u32::MAX,
    };
    let sql = "SELECT coin_id AS id, first_seen_at, last_seen_at FROM coin_identities \
               WHERE coin_id > ? AND coin_id <= ?";
    let identities = session.rows(sql.to_owned(), vec![after.into(), up_to.into()], seen).await?;
    let is_shown = |(_, first, last): &(u32, DateTime<Utc>, DateTime<Utc>)| {
        fetches.contains(first) || fetches.contains(last)
    };
    let mut ids: BTreeSet<u32> =
        coins.iter().chain(&identities).filter(|seen| is_shown(seen)).map(|(id, ..)| *id).collect();
    let sql = "SELECT coin_id AS id FROM quotes_latest WHERE batch_id = ? AND coin_id > ? AND coin_id <= ?";
    let values = vec![out.batch.as_str().into(), after.into(), up_to.into()];
    ids.extend(session.rows(sql.to_owned(), values, |row| row.get::<u32>("id")).await?);
    let more = ids.len() > COINS;
    let ids: Vec<_> = ids.into_iter().take(COINS).collect();
    let next = if more { ids.last().copied() } else { Some(up_to).filter(|up_to| *up_to < u32::MAX) };
    Ok(Shown { ids, next })
}

/// Takes the batch out of what the tables show of the coins `ids`.
pub(super) async fn take_out<S: Session>(
    session: &mut S,
    out: &Out<'_>,
    fetches: &Fetches,
    ids: &[u32],
) -> Result<TakenOut, S::Error> {
    if ids.is_empty() {
        return Ok(TakenOut::default());
    }
    let of_ids = list(ids);
    let sql = format!("SELECT id FROM coin_descriptions WHERE id IN ({of_ids}) ORDER BY id{}", S::COINS_LOCK);
    session.rows(sql, Vec::new(), |row| row.get::<u32>("id")).await?;
    // Before their newest quotes tell another fetch.
    for sql in [told::descriptions(&of_ids), told::names(&of_ids)] {
        session.run(sql, Vec::new()).await?;
    }
    let (latest, fell_back) = fall_back(session, out, ids).await?;
    let coins = if fetches.is_empty() { 0 } else { unsee(session, out, fetches, ids).await? };
    Ok(TakenOut { latest, fell_back, coins })
}

/// Replaces the batch's rows in `quotes_latest` by the newest in the history without it. How many there were, and for how many there
/// was one.
async fn fall_back<S: Session>(session: &mut S, out: &Out<'_>, ids: &[u32]) -> Result<(u64, u64), S::Error> {
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
    // What coins say of themselves is not in the history. It comes back with the next snapshot, or a rebuild; until then the row says
    // that it does not have it.
    let kept: Vec<_> = latest().into_iter().filter(|column| history().contains(column)).collect();
    let read = kept.iter().map(|column| match *column {
        "missing_fields" => format!("CONCAT_WS(',', h.missing_fields, '{}')", not_in_history()),
        column => format!("h.{column}"),
    });
    let read = read.collect::<Vec<_>>().join(", ");
    let mut fell_back = 0;
    for (currency, ids) in by_currency {
        let sql = format!(
            "INSERT INTO quotes_latest ({}, batch_id) SELECT {read}, n.batch_id FROM ( \
                 SELECT c.id AS coin_id, ( \
                     SELECT x.last_updated FROM history AS x \
                     WHERE x.coin_id = c.id AND x.currency = ? AND x.batch <> {number} \
                     ORDER BY x.last_updated DESC LIMIT 1) AS newest \
                 FROM coin_descriptions AS c WHERE c.id IN ({})) AS held \
             JOIN history AS h ON h.last_updated = held.newest AND h.coin_id = held.coin_id AND h.currency = ? \
             JOIN batch_numbers AS n ON n.number = h.batch",
            kept.join(", "),
            list(&ids),
            number = out.number,
        );
        session.run(sql, vec![currency.into(), currency.into()]).await?;
        let sql = format!(
            "SELECT COUNT(*) AS held FROM quotes_latest WHERE currency = ? AND coin_id IN ({})",
            list(&ids)
        );
        let held = session.rows(sql, vec![currency.into()], |row| row.get::<u64>("held")).await?;
        fell_back += held.into_iter().sum::<u64>();
    }
    Ok((found.len() as u64, fell_back))
}

/// Sets the coins and their names back to what the others saw. How many coins nobody else did.
async fn unsee<S: Session>(
    session: &mut S,
    out: &Out<'_>,
    fetches: &Fetches,
    ids: &[u32],
) -> Result<u64, S::Error> {
    let list_of_all = list(ids);
    let sql = format!(
        "SELECT c.id AS id, c.first_seen_at AS first_seen_at, c.last_seen_at AS last_seen_at, \
             (SELECT MAX(q.fetched_at) FROM quotes_latest AS q WHERE q.coin_id = c.id) AS newest \
         FROM coin_descriptions AS c WHERE c.id IN ({list_of_all})"
    );
    let coins = session.rows(sql, Vec::new(), |row| {
        Ok(SeenCoin {
            id: row.get("id")?,
            first: row.get("first_seen_at")?,
            last: row.get("last_seen_at")?,
            newest: row.nullable("newest")?,
            later: None,
        })
    });
    let mut coins = coins.await?;
    let sql = format!(
        "SELECT coin_id, first_seen_at, last_seen_at FROM coin_names WHERE coin_id IN ({list_of_all})"
    );
    let identities = session.rows(sql, Vec::new(), |row| {
        let (first, last) = (row.get("first_seen_at")?, row.get("last_seen_at")?);
        Ok(SeenIdentity { coin: row.get("coin_id")?, first, last })
    });
    let identities = identities.await?;
    date_later(session, out, fetches, &mut coins, &identities).await?;
    let changes = changes(&coins, &identities, fetches);
    write(session, &changes, &identities, fetches).await?;
    Ok(changes.gone.len() as u64)
}

/// Adds to those of `coins` that the batch saw first, under any name, when another fetch after it had them.
async fn date_later<S: Session>(
    session: &mut S,
    out: &Out<'_>,
    fetches: &Fetches,
    coins: &mut [SeenCoin],
    identities: &[SeenIdentity],
) -> Result<(), S::Error> {
    let firsts = coins.iter().map(|coin| (coin.id, coin.first));
    let firsts = firsts.chain(identities.iter().map(|identity| (identity.coin, identity.first)));
    let ids: BTreeSet<u32> = firsts.filter(|(_, first)| fetches.contains(first)).map(|(id, _)| id).collect();
    let Some(newest) = fetches.last().filter(|_| !ids.is_empty()) else { return Ok(()) };
    let sql = format!(
        "SELECT c.id AS id, ( \
             SELECT h.fetched_at FROM history AS h \
             WHERE h.coin_id = c.id AND h.batch <> {} AND h.fetched_at > ? \
             ORDER BY h.currency, h.last_updated LIMIT 1) AS later \
         FROM coin_descriptions AS c WHERE c.id IN ({})",
        out.number,
        list(&ids.into_iter().collect::<Vec<_>>()),
    );
    let found = session.rows(sql, vec![(*newest).into()], |row| {
        Ok((row.get::<u32>("id")?, row.nullable::<DateTime<Utc>>("later")?))
    });
    let later: BTreeMap<_, _> = found.await?.into_iter().collect();
    for coin in coins {
        coin.later = later.get(&coin.id).copied().flatten();
    }
    Ok(())
}

/// Writes `changes` of coins that have these `identities`.
async fn write<S: Session>(
    session: &mut S,
    changes: &Changes,
    identities: &[SeenIdentity],
    fetches: &Fetches,
) -> Result<(), S::Error> {
    let is_out = |at: DateTime<Utc>| fetches.contains(&at);
    if !changes.gone.is_empty() {
        let gone = list(&changes.gone);
        session.run(format!("DELETE FROM coin_descriptions WHERE id IN ({gone})"), Vec::new()).await?;
        session.run(format!("DELETE FROM coin_names WHERE coin_id IN ({gone})"), Vec::new()).await?;
    }
    for (kept, first, last) in &changes.kept {
        let sql = "UPDATE coin_names SET first_seen_at = ?, last_seen_at = ? \
                   WHERE coin_id = ? AND first_seen_at = ? AND last_seen_at = ?";
        let instants = [*first, *last].map(Parameter::from).into_iter();
        let named = [kept.coin.into(), kept.first.into(), kept.last.into()];
        session.run(sql.to_owned(), instants.chain(named).collect()).await?;
    }
    let is_kept = |it: &SeenIdentity| changes.kept.iter().any(|(kept, ..)| kept == it);
    let gone = identities.iter().filter(|it| is_out(it.first) && is_out(it.last) && !is_kept(it));
    let gone = gone.map(|it| (it.coin, vec![("first_seen_at", it.first), ("last_seen_at", it.last)]));
    of_identities(session, "DELETE FROM coin_names", None, gone).await?;
    let ended = |coins: &[u32]| {
        let coins: BTreeSet<u32> = coins.iter().copied().collect();
        let of_coins = identities.iter().filter(move |it| coins.contains(&it.coin));
        let ended = of_coins.filter(|it| is_out(it.last) && !is_out(it.first));
        ended.map(|it| (it.coin, vec![("last_seen_at", it.last)])).collect::<Vec<_>>()
    };
    // Those that another identity came after: when they were seen before is not known, but for the first time.
    let sql = "UPDATE coin_names SET last_seen_at = first_seen_at";
    of_identities(session, sql, None, ended(&changes.reverted)).await?;
    for (at, coins) in &changes.identities_last {
        let sql = "UPDATE coin_names SET last_seen_at = ?";
        of_identities(session, sql, Some(*at), ended(coins)).await?;
    }
    for (at, coins) in &changes.identities_first {
        let begun =
            identities.iter().filter(|it| coins.contains(&it.coin) && is_out(it.first) && !is_out(it.last));
        let begun = begun.map(|it| (it.coin, vec![("first_seen_at", it.first)]));
        of_identities(session, "UPDATE coin_names SET first_seen_at = ?", Some(*at), begun).await?;
    }
    for (column, by_instant) in [("last_seen_at", &changes.last), ("first_seen_at", &changes.first)] {
        for (at, ids) in by_instant {
            let sql = format!("UPDATE coin_descriptions SET {column} = ? WHERE id IN ({})", list(ids));
            session.run(sql, vec![(*at).into()]).await?;
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

/// A coin, and the instants by which an identity of it is known.
type Named = (u32, Vec<(&'static str, DateTime<Utc>)>);

/// Runs `sql`, which binds `value` if there is one, on these `identities`.
async fn of_identities<S: Session>(
    session: &mut S,
    sql: &str,
    value: Option<DateTime<Utc>>,
    identities: impl IntoIterator<Item = Named>,
) -> Result<(), S::Error> {
    let identities: Vec<Named> = identities.into_iter().collect();
    for part in identities.chunks(IDENTITIES) {
        let named = part.iter().map(|(coin, instants)| {
            let instants = instants.iter().map(|(column, _)| format!(" AND {column} = ?"));
            format!("(coin_id = {coin}{})", instants.collect::<String>())
        });
        let sql = format!("{sql} WHERE {}", named.collect::<Vec<_>>().join(" OR "));
        let instants = part.iter().flat_map(|(_, instants)| instants).map(|(_, at)| *at);
        session.run(sql, value.into_iter().chain(instants).map(Parameter::from).collect()).await?;
    }
    Ok(())
}

/// What stands between the parentheses after `IN`: ids are digits, which no database can misread.
fn list(ids: &[u32]) -> String {
    ids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

/// The columns of measures that the history does not have, as `missing_fields` lists them.
fn not_in_history() -> String {
    let measures = Measure::ALL.into_iter().filter(|measure| !measure.is_in_history());
    measures.map(Measure::column).collect::<Vec<_>>().join(",")
}
