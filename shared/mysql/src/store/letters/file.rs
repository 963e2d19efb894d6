//! Filing a death: the letter, its place among the deaths of the letter, the count of its group.

use domain::DeadLetter;
use ports::StoreError;
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::read::letters::{LAST_DEATH, next_death};
use tables::write::letters::{
    Filing, INSERT_DEATH, INSERT_FIRST_DEATH, INSERT_GROUP, INSERT_LETTER, count_death, described,
};

use crate::database::Work;
use crate::error::is_duplicate;
use crate::store::MysqlStore;
use crate::store::columns::{read, read_one};
use crate::store::parameters::query;

/// No server takes packets that are shorter than this.
const SHORT: usize = 1 << 20;

impl MysqlStore {
    /// A server cuts the connection in the middle of a packet that is too long, which looks like an outage:
    /// waiting would never end.
    pub(super) async fn check_length(&self, letter: &DeadLetter) -> Result<(), StoreError> {
        let headers: usize = letter.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        // JSON writes a byte with up to six.
        let length = letter.body.len() + 6 * headers + letter.code.len() + letter.reason.len() + 4096;
        if length <= SHORT {
            return Ok(());
        }
        let sql = "SELECT CAST(@@max_allowed_packet AS UNSIGNED) AS bytes";
        let rows = self.database.read(sqlx::query(sql)).await?;
        let limit: u64 = read_one(&rows, |row| row.get("bytes")).map_err(|error| self.blame(error))?;
        if usize::try_from(limit).is_ok_and(|limit| length > limit) {
            let reason = format!(
                "{}: the letter {} needs {length} bytes, and max_allowed_packet of the server is {limit}; raise it",
                self.database.place(),
                letter.id
            );
            return Err(StoreError::Misconfigured { reason });
        }
        Ok(())
    }
}

/// A death to file.
pub(super) struct File<'a>(pub(super) Filing<'a>);

impl Work for File<'_> {
    type Output = bool;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        // Two that file a new letter both find none; then one of them waits for the other, and finds it.
        let is_new = !self.lock(connection).await? && self.insert(connection).await?;
        let number = if is_new {
            1
        } else {
            let Some(number) = self.next_death(connection).await? else { return Ok(false) };
            self.update(connection).await?;
            number
        };
        self.count(connection, number).await?;
        Ok(true)
    }
}

impl File<'_> {
    /// Whether the letter is there; if so, nobody else files a death of it until the end of the transaction.
    async fn lock(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        let sql = "SELECT 1 FROM dead_letters WHERE id = ? FOR UPDATE";
        let found = sqlx::query(sql).bind(self.0.letter.id.as_str()).fetch_optional(connection).await?;
        Ok(found.is_some())
    }

    /// Inserts the letter, unless somebody else just did.
    async fn insert(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        match query(INSERT_LETTER.as_str(), self.0.letter()).execute(&mut *connection).await {
            Err(error) if is_duplicate(&error) => {
                self.lock(connection).await?;
                Ok(false)
            }
            inserted => inserted.map(|_| true),
        }
    }

    /// The number of this death of a letter that is there and locked; `None` when it was filed before.
    async fn next_death(&self, connection: &mut MySqlConnection) -> Result<Option<u64>, sqlx::Error> {
        let id = self.0.letter.id.as_str();
        sqlx::query(INSERT_FIRST_DEATH.as_str()).bind(id).bind(id).execute(&mut *connection).await?;
        read(&query(LAST_DEATH, self.0.cause()).fetch_one(connection).await?, next_death)
    }

    /// Makes the letter what its newest death says.
    async fn update(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let places: Vec<_> = described().iter().map(|column| format!("{column} = ?")).collect();
        let sql = format!("UPDATE dead_letters SET {} WHERE id = ?", places.join(", "));
        let [id, newest @ ..] = self.0.letter();
        query(AssertSqlSafe(sql), newest.into_iter().chain([id])).execute(connection).await?;
        Ok(())
    }

    /// Writes down the death, and counts it in its group.
    async fn count(&self, connection: &mut MySqlConnection, number: u64) -> Result<(), sqlx::Error> {
        query(INSERT_DEATH.as_str(), self.0.death(number)).execute(&mut *connection).await?;
        let counted = count_death(|column| format!("VALUES({column})"), "LEAST");
        let sql = format!("{} ON DUPLICATE KEY UPDATE {counted}", *INSERT_GROUP);
        let values = self.0.group().into_iter().chain(self.0.closely_before());
        query(AssertSqlSafe(sql), values).execute(connection).await?;
        Ok(())
    }
}
