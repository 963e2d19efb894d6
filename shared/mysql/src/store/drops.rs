//! Taking batches out of the tables on a server.

use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;
use tables::dropping::{Part, Session};
use tables::load::statements::Reader;
use tables::write::Asked;

use super::MysqlStore;
use super::columns::read_all;
use super::parameters::query;
use crate::database::Work;

tables::drops_port!(MysqlStore, InTransaction);

pub(super) struct InTransaction<P>(pub(super) P);

impl<P: Part> Work for InTransaction<P> {
    type Output = P::Output;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<P::Output, sqlx::Error> {
        self.0.run(&mut OnServer(connection)).await
    }
}

struct OnServer<'c>(&'c mut MySqlConnection);

/// No statement is kept prepared: the next portion names other coins.
impl Session for OnServer<'_> {
    type Error = sqlx::Error;

    const COINS_LOCK: &'static str = " FOR UPDATE";

    async fn execute(&mut self, (sql, values): Asked<'_>) -> Result<(), sqlx::Error> {
        let statement = query(AssertSqlSafe(sql), values).persistent(false);
        statement.execute(&mut *self.0).await.map(drop)
    }

    async fn change(&mut self, (sql, values): Asked<'_>) -> Result<u64, sqlx::Error> {
        let statement = query(AssertSqlSafe(sql), values).persistent(false);
        Ok(statement.execute(&mut *self.0).await?.rows_affected())
    }

    async fn find<T: Send>(
        &mut self,
        (sql, values): Asked<'_>,
        reader: Reader<T>,
    ) -> Result<Vec<T>, sqlx::Error> {
        let statement = query(AssertSqlSafe(sql), values).persistent(false);
        read_all(&statement.fetch_all(&mut *self.0).await?, reader)
    }
}
