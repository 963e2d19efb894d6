//! Statements about many coins, which are named by their ids.

use sqlx::AssertSqlSafe;

use super::parameters::Query;

/// How many ids a statement can have: the next above what there is, filled up with repeats of the last one, which change
/// nothing. So the statements stay few, and prepared.
const SHAPES: [usize; 3] = [8, 64, COINS];

/// The most ids in one statement.
pub(super) const COINS: usize = 1000;

/// The statement that `sql` makes with the places for `ids`, of which there are at least one and at most [`COINS`].
pub(super) fn sql_of(sql: impl Fn(&str) -> String, ids: &[u32]) -> String {
    sql(&vec!["?"; shape(ids)].join(", "))
}

/// Adds `ids` to the values of a statement of [`sql_of`].
pub(super) fn bind_ids<'q>(query: Query<'q>, ids: &[u32]) -> Query<'q> {
    let last = ids.last().into_iter().cycle();
    ids.iter().chain(last).take(shape(ids)).fold(query, |query, id| query.bind(*id))
}

/// The statement that `sql` makes, with the values `ids`.
pub(super) fn of_coins<'q>(sql: impl Fn(&str) -> String, ids: &[u32]) -> Query<'q> {
    bind_ids(sqlx::query(AssertSqlSafe(sql_of(sql, ids))), ids)
}

fn shape(ids: &[u32]) -> usize {
    SHAPES[SHAPES.partition_point(|shape| *shape < ids.len()).min(SHAPES.len() - 1)]
}
