//! What is packed comes back as it was.

use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{AssertSqlSafe, SqlitePool};

use super::*;

/// A file with a table `t` of these columns, and an id.
async fn file(columns: &str) -> SqlitePool {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await;
    let pool = pool.expect("memory opens");
    let sql = format!("CREATE TABLE t (id INTEGER PRIMARY KEY, {columns})");
    sqlx::query(AssertSqlSafe(sql)).execute(&pool).await.expect("the table is made");
    pool
}

/// What `reader` makes of the rows of `ids`, a JSON array of arrays, part by part.
async fn packed<T>(
    pool: &SqlitePool,
    columns: &[&'static str],
    ids: &str,
    reader: fn(&dyn Row) -> Result<T, Unreadable>,
) -> Result<Vec<Vec<T>>, String> {
    let select = Select::new(columns, |ids| format!("FROM t WHERE id IN ({ids}) ORDER BY id"));
    let parts = sqlx::query(AssertSqlSafe(sql(&select))).bind(ids).fetch_all(pool).await;
    let parts = parts.expect("the statement is one");
    let read = |row| read_all(row, columns, reader).map_err(|error| error.to_string());
    parts.iter().map(read).collect()
}

#[tokio::test]
async fn texts_counts_and_flags_come_back_as_they_were() {
    let pool = file("t TEXT, c INTEGER, f INTEGER").await;
    let every: String = (0..=0x2100).filter_map(char::from_u32).collect();
    let texts =
        ["", "\"a\\b\"", "[1,2]", r#"{"a":null}"#, "null", "\u{0}\u{1f}\u{7f}", "🪙\u{10ffff}", &every];
    let mut rows: Vec<_> = texts.iter().map(|text| (Some((*text).to_owned()), Some(7), Some(true))).collect();
    rows.extend([(None, None, None), (None, Some(0), Some(false)), (None, Some(i64::MAX as u64), None)]);
    for (text, count, flag) in &rows {
        let count = count.map(|count| i64::try_from(count).unwrap());
        let insert =
            sqlx::query("INSERT INTO t (t, c, f) VALUES (?, ?, ?)").bind(text).bind(count).bind(flag);
        insert.execute(&pool).await.unwrap();
    }
    let reader = |row: &dyn Row| Ok((row.text("t")?, row.count("c")?, row.flag("f")?));
    let found = packed(&pool, &["t", "c", "f"], "[[1,2,3,4,5],[99],[6,7,8,9,10,11]]", reader).await.unwrap();
    let (first, last) = rows.split_at(5);
    assert_eq!(found, [first.to_vec(), Vec::new(), last.to_vec()]);
}

#[tokio::test]
async fn instants_come_back_and_what_does_not_fit_names_its_column() {
    let pool = file("a").await;
    let values = "('2026-11-26T14:00:00.123Z'), ('soon'), (1), ('x'), (-1), (1.5)";
    let insert = format!("INSERT INTO t (a) VALUES {values}");
    sqlx::query(AssertSqlSafe(insert)).execute(&pool).await.unwrap();
    let instant = |row: &dyn Row| row.instant("a").map(|at| format!("{at:?}"));
    let text = |row: &dyn Row| row.text("a").map(|text| format!("{text:?}"));
    let count = |row: &dyn Row| row.count("a").map(|count| format!("{count:?}"));
    let other = |row: &dyn Row| row.text("b").map(|text| format!("{text:?}"));
    let read = async |ids, reader| packed(&pool, &["a"], ids, reader).await;
    assert_eq!(
        read("[[1]]", instant as fn(&dyn Row) -> _).await.unwrap(),
        [["Some(2026-11-26T14:00:00.123Z)"]]
    );
    for (ids, reader, said) in [
        ("[[2]]", instant as fn(&dyn Row) -> _, "column a: \"soon\" is not an RFC 3339 instant"),
        ("[[3]]", text, "column a: 1, where a text must be"),
        ("[[4]]", count, "column a: \"x\", where a number must be"),
        ("[[5]]", count, "column a"),
        ("[[3]]", other, "column b: was not read"),
        ("[[6]]", count, "floating point"),
    ] {
        let error = read(ids, reader).await.unwrap_err();
        assert!(error.contains(said), "{ids}: {error}");
    }
}
