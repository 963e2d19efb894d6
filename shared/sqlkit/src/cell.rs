//! A value of any type as a text.

use chrono::NaiveDateTime;
use domain::timestamp;
use sqlx::mysql::MySqlRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column, Row, TypeInfo, ValueRef};

const NULL: &str = "NULL";

/// The value of `column`.
pub(super) fn sqlite(row: &SqliteRow, column: &str) -> String {
    // Of a value: a column of a view has none.
    let kind = row.try_get_raw(column).expect(column).type_info().name().to_owned();
    match kind.as_str() {
        "NULL" => NULL.to_owned(),
        "INTEGER" => row.get_unchecked::<i64, _>(column).to_string(),
        "REAL" => row.get_unchecked::<f64, _>(column).to_string(),
        _ => row.get_unchecked(column),
    }
}

/// The value of `column`.
pub(super) fn mysql(row: &MySqlRow, column: &str) -> String {
    if row.try_get_raw(column).expect(column).is_null() {
        return NULL.to_owned();
    }
    match row.column(column).type_info().name() {
        "DOUBLE" => row.get::<f64, _>(column).to_string(),
        "DATETIME" => timestamp::to_text(row.get::<NaiveDateTime, _>(column).and_utc()),
        kind if kind.ends_with("INT UNSIGNED") => row.get::<u64, _>(column).to_string(),
        kind if kind.ends_with("INT") || kind == "BOOLEAN" => row.get_unchecked::<i64, _>(column).to_string(),
        _ => row.get_unchecked(column),
    }
}
