//! Reading the tables about coins as values.
//!
//! Whole numbers, instants and flags are asked for in one form of both databases, so one reader does for both.

use domain::{BatchId, Coin, Measure, MeasureSet, Quote, timestamp};
use sqlx::mysql::MySqlConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, ColumnIndex, Connection, Decode, Executor, Row, Type};

use testkit::tables::{CoinEntry, IdentityEntry, QuoteEntry, Tables};

/// How a database is asked for a column, so that it gives a text or a signed number.
pub(super) struct Dialect {
    pub(super) instant: fn(&str) -> String,
    pub(super) whole: fn(&str) -> String,
    pub(super) json: fn(&str) -> String,
    /// Whether the tables have what migration 13 adds.
    has_self_reported: bool,
}

pub(super) const SQLITE: Dialect =
    Dialect { instant: same, whole: same, json: same, has_self_reported: true };

pub(super) const MYSQL: Dialect = Dialect {
    instant: |column| format!("DATE_FORMAT({column}, '%Y-%m-%dT%H:%i:%s.%fZ') AS {column}"),
    whole: |column| format!("CAST({column} AS SIGNED) AS {column}"),
    json: |column| format!("CAST({column} AS CHAR) AS {column}"),
    has_self_reported: true,
};

fn same(column: &str) -> String {
    column.to_owned()
}

impl Dialect {
    /// The numbers that `quotes_latest` has.
    fn latest(&self) -> &'static [Measure] {
        if self.has_self_reported { &Measure::ALL } else { &Measure::HISTORY }
    }
}

pub(super) async fn sqlite(connection: &mut SqliteConnection, has_self_reported: bool) -> Tables {
    let dialect = Dialect { has_self_reported, ..SQLITE };
    let statements = statements(&dialect);
    let mut snapshot = connection.begin().await.expect("begins");
    let mut found = Vec::new();
    for sql in statements {
        found.push(sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *snapshot).await.expect("rows"));
    }
    tables(&found, dialect.latest())
}

pub(super) async fn mysql(connection: &mut MySqlConnection, has_self_reported: bool) -> Tables {
    let dialect = Dialect { has_self_reported, ..MYSQL };
    let statements = statements(&dialect);
    let begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
    connection.execute(begin).await.expect("begins");
    let mut found = Vec::new();
    for sql in statements {
        found.push(sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *connection).await.expect("rows"));
    }
    tables(&found, dialect.latest())
}

/// The statements that read the four tables.
fn statements(dialect: &Dialect) -> [String; 4] {
    [coins(dialect), identities(dialect), latest(dialect), history(dialect)]
}

/// What they found; `numbers` are those that `quotes_latest` has.
fn tables<R: Values>(found: &[Vec<R>], numbers: &[Measure]) -> Tables {
    let [coins, identities, latest, history] = found else { panic!("{} tables", found.len()) };
    let mut coins: Vec<_> = coins.iter().map(coin).collect();
    // MySQL 9 sorts whole rows, and has no room for tags of a megabyte (error 1038).
    coins.sort_by_key(|entry| entry.coin.id);
    Tables {
        coins,
        identities: identities.iter().map(identity).collect(),
        latest: latest.iter().map(|row| quote(row, numbers)).collect(),
        history: history.iter().map(|row| quote(row, &Measure::HISTORY)).collect(),
    }
}

fn coins(Dialect { instant, whole, json, has_self_reported }: &Dialect) -> String {
    let columns = [
        whole("id"),
        "name, symbol, slug, token_address".to_owned(),
        if *has_self_reported { "platform_name" } else { "NULL AS platform_name" }.to_owned(),
        instant("date_added"),
        whole("platform_id"),
        json("tags"),
        whole("infinite_supply"),
        whole("is_active"),
        instant("first_seen_at"),
        instant("last_seen_at"),
    ];
    format!("SELECT {} FROM coins", columns.join(", "))
}

fn identities(Dialect { instant, whole, .. }: &Dialect) -> String {
    let columns = [
        whole("coin_id"),
        "symbol, name, slug".to_owned(),
        instant("first_seen_at"),
        instant("last_seen_at"),
    ];
    format!("SELECT {} FROM coin_identities AS i ORDER BY i.coin_id, symbol, name, slug", columns.join(", "))
}

fn latest(dialect: &Dialect) -> String {
    format!(
        "SELECT {} FROM quotes_latest AS q ORDER BY q.coin_id, currency",
        quotes(dialect, dialect.latest())
    )
}

fn history(dialect: &Dialect) -> String {
    format!(
        "SELECT {} FROM quotes_history AS q ORDER BY q.coin_id, currency, q.last_updated",
        quotes(dialect, &Measure::HISTORY)
    )
}

fn quotes(Dialect { instant, whole, .. }: &Dialect, measures: &[Measure]) -> String {
    let measures = measures.iter().map(|measure| match measure.kind() {
        domain::Kind::Count => whole(measure.column()),
        _ => measure.column().to_owned(),
    });
    let key = [whole("coin_id"), "currency, missing_fields, batch_id".to_owned()];
    let instants = ["last_updated", "fetched_at"].map(instant);
    key.into_iter().chain(instants).chain(measures).collect::<Vec<_>>().join(", ")
}

/// A row of either database.
pub(super) trait Values {
    fn text(&self, column: &str) -> Option<String>;
    fn whole(&self, column: &str) -> Option<i64>;
    fn number(&self, column: &str) -> Option<f64>;

    fn some_text(&self, column: &str) -> String {
        self.text(column).expect(column)
    }

    fn count(&self, column: &str) -> Option<u32> {
        self.whole(column).map(|whole| u32::try_from(whole).expect(column))
    }

    fn instant(&self, column: &str) -> Option<chrono::DateTime<chrono::Utc>> {
        self.text(column)
            .map(|text| timestamp::from_text(&text).unwrap_or_else(|| panic!("{column}: {text}")))
    }
}

impl<R> Values for R
where
    R: Row,
    for<'c> &'c str: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> f64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn text(&self, column: &str) -> Option<String> {
        self.get(column)
    }

    fn whole(&self, column: &str) -> Option<i64> {
        // Also a flag.
        self.get_unchecked(column)
    }

    fn number(&self, column: &str) -> Option<f64> {
        self.get(column)
    }
}

fn coin(row: &impl Values) -> CoinEntry {
    let flag = |column: &str| row.whole(column).map(|whole| whole == 1);
    let coin = Coin {
        id: row.count("id").expect("id"),
        name: row.some_text("name"),
        symbol: row.some_text("symbol"),
        slug: row.some_text("slug"),
        date_added: row.instant("date_added"),
        platform_id: row.count("platform_id"),
        platform_name: row.text("platform_name"),
        token_address: row.text("token_address"),
        tags: row.text("tags").map(|json| serde_json::from_str(&json).expect("tags")),
        infinite_supply: flag("infinite_supply"),
        is_active: flag("is_active"),
    };
    let seen = |column: &str| row.instant(column).expect("an instant");
    CoinEntry { coin, first_seen_at: seen("first_seen_at"), last_seen_at: seen("last_seen_at") }
}

fn identity(row: &impl Values) -> IdentityEntry {
    let seen = |column: &str| row.instant(column).expect("an instant");
    IdentityEntry {
        coin_id: row.count("coin_id").expect("coin_id"),
        symbol: row.some_text("symbol"),
        name: row.some_text("name"),
        slug: row.some_text("slug"),
        first_seen_at: seen("first_seen_at"),
        last_seen_at: seen("last_seen_at"),
    }
}

/// A quote in a table that has `columns` for its numbers.
fn quote(row: &impl Values, columns: &[Measure]) -> QuoteEntry {
    let mut numbers = [None; Measure::COUNT];
    for &measure in columns {
        numbers[measure as usize] = match measure.kind() {
            domain::Kind::Count => row.count(measure.column()).map(f64::from),
            _ => row.number(measure.column()),
        };
    }
    let quote = Quote {
        currency: row.some_text("currency"),
        numbers,
        missing: row.text("missing_fields").as_deref().map(measures).unwrap_or_default(),
        last_updated: row.instant("last_updated").expect("an instant"),
    };
    QuoteEntry {
        coin_id: row.count("coin_id").expect("coin_id"),
        quote,
        fetched_at: row.instant("fetched_at").expect("an instant"),
        batch: BatchId::from_stored(row.some_text("batch_id")),
    }
}

/// The measures that a list of columns names.
fn measures(list: &str) -> MeasureSet {
    let named =
        |name: &str| Measure::ALL.into_iter().find(|measure| measure.column() == name).expect("a measure");
    list.split(',').map(named).collect()
}
