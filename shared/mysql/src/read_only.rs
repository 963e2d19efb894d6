//! The store of a database that is opened read-only, and what opening it would make.

use std::sync::Arc;

use ports::{Clock, StoreError};

use crate::database::Database;
use crate::{MysqlStore, Options, store};

impl MysqlStore {
    /// The store in the database of `options`; `None` when its tables are not there yet, an error when they are those of
    /// an older program. Makes and changes nothing. Unlike [`open`](Self::open) it waits for no server.
    pub async fn open_read_only(
        options: &Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, StoreError> {
        let (pending, all) = (Self::pending(options).await?.len(), store::SCHEMA.migrations.len());
        if pending > 0 && pending < all {
            return Err(StoreError::Misconfigured {
                reason: format!(
                    "{}: the tables are an older coinpipe's (step {} of {all}); run coinpipe or `coinpipe migrate`",
                    options.place,
                    all - pending
                ),
            });
        }
        // Without a schema nothing is brought up to date.
        let is_there = pending == 0;
        Ok(is_there.then(|| Self { database: Database::new(options, None), clock }))
    }

    /// What opening would make: the steps of the schema that are missing.
    pub async fn pending(options: &Options) -> Result<Vec<String>, StoreError> {
        options.check_files().await?;
        let database = Database::new(options, None);
        let pending = database.pending(&store::SCHEMA).await;
        database.close().await;
        Ok(pending?)
    }
}
