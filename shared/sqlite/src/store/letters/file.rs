//! Filing a death: the letter, its place among the deaths of the letter, the count of its group.

use sqlx::{AssertSqlSafe, SqliteConnection};
use tables::read::letters::{LAST_DEATH, next_death};
use tables::write::letters::{
    Filing, INSERT_DEATH, INSERT_FIRST_DEATH, INSERT_GROUP, INSERT_LETTER, count_death, described,
};

use crate::store::columns::read;
use crate::store::parameters::query;

/// Files a death in the caller's transaction; `false` when it was filed before.
pub(super) async fn file(connection: &mut SqliteConnection, filing: Filing<'_>) -> Result<bool, sqlx::Error> {
    let id = filing.letter.id.as_str();
    sqlx::query(INSERT_FIRST_DEATH.as_str()).bind(id).bind(id).execute(&mut *connection).await?;
    let row = query(LAST_DEATH, filing.cause()).fetch_one(&mut *connection).await?;
    let Some(number) = read(&row, next_death)? else { return Ok(false) };
    // The letter becomes what its newest death says.
    let newest: Vec<_> = described().iter().map(|column| format!("{column} = excluded.{column}")).collect();
    let sql = format!("{} ON CONFLICT DO UPDATE SET {}", *INSERT_LETTER, newest.join(", "));
    query(AssertSqlSafe(sql), filing.letter()).execute(&mut *connection).await?;
    query(INSERT_DEATH.as_str(), filing.death(number)).execute(&mut *connection).await?;
    let counted = count_death(|column| format!("excluded.{column}"), "min");
    let sql = format!("{} ON CONFLICT DO UPDATE SET {counted}", *INSERT_GROUP);
    let values = filing.group().into_iter().chain(filing.closely_before());
    query(AssertSqlSafe(sql), values).execute(connection).await?;
    Ok(true)
}
