//! What is packed comes back as it was.

use sqlx::{AssertSqlSafe, SqlitePool, sqlite::SqlitePoolOptions};

use super::*;

async fn file() -> SqlitePool {
    SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.expect("memory opens")
}

/// The rows of `select`, each as `(text, count, flag)`.
async fn packed(pool: &SqlitePool, select: &str) -> Vec<(Option<String>, Option<u64>, Option<bool>)> {
    let columns = ["t", "c", "f"];
    let row = sqlx::query(AssertSqlSafe(sql(select, &columns))).fetch_one(pool).await.expect(select);
    let reader = |row: &dyn Row| Ok((row.text("t")?, row.count("c")?, row.flag("f")?));
    read_all(&row, &columns, reader).expect(select)
}

#[tokio::test]
async fn texts_counts_and_flags_come_back_as_they_were() {
    let pool = file().await;
    sqlx::query("CREATE TABLE t (t TEXT, c INTEGER, f INTEGER) STRICT").execute(&pool).await.unwrap();
    let every: String = (0..=0x2100).filter_map(char::from_u32).collect();
    let texts =
        ["", "\"a\\b\"", "[1,2]", r#"{"a":null}"#, "null", "\u{0}\u{1f}\u{7f}", "🪙\u{10ffff}", &every];
    let mut rows: Vec<_> = texts.iter().map(|text| (Some((*text).to_owned()), Some(7), Some(true))).collect();
    rows.extend([(None, None, None), (None, Some(0), Some(false)), (None, Some(i64::MAX as u64), None)]);
    for (text, count, flag) in &rows {
        let count = count.map(|count| i64::try_from(count).unwrap());
        let insert = sqlx::query("INSERT INTO t VALUES (?, ?, ?)").bind(text).bind(count).bind(flag);
        insert.execute(&pool).await.unwrap();
    }
    assert_eq!(packed(&pool, "SELECT * FROM t ORDER BY rowid").await, rows);
    assert_eq!(packed(&pool, "SELECT * FROM t WHERE false").await, []);
}

#[tokio::test]
async fn instants_come_back_and_what_does_not_fit_names_its_column() {
    let pool = file().await;
    let read = async |select: &str, reader: fn(&dyn Row) -> Result<String, Unreadable>| {
        let row = sqlx::query(AssertSqlSafe(sql(select, &["a"]))).fetch_one(&pool).await.unwrap();
        read_all::<_, Vec<_>>(&row, &["a"], reader).map_err(|error| error.to_string())
    };
    let instant = |row: &dyn Row| row.instant("a").map(|at| format!("{at:?}"));
    let at = "SELECT '2026-11-26T14:00:00.123Z' AS a";
    assert_eq!(read(at, instant).await.unwrap(), ["Some(2026-11-26T14:00:00.123Z)"]);
    let text = |row: &dyn Row| row.text("a").map(|text| format!("{text:?}"));
    let count = |row: &dyn Row| row.count("a").map(|count| format!("{count:?}"));
    let other = |row: &dyn Row| row.text("b").map(|text| format!("{text:?}"));
    for (select, reader, said) in [
        ("SELECT 'soon' AS a", instant as fn(&dyn Row) -> _, "column a: \"soon\" is not an RFC 3339 instant"),
        ("SELECT 1 AS a", text, "column a: 1, where a text must be"),
        ("SELECT 'x' AS a", count, "column a: \"x\", where a number must be"),
        ("SELECT -1 AS a", count, "column a"),
        ("SELECT 1 AS a", other, "column b: was not read"),
        ("SELECT 1.5 AS a", count, "floating point"),
    ] {
        let error = read(select, reader).await.unwrap_err();
        assert!(error.contains(said), "{select}: {error}");
    }
}
