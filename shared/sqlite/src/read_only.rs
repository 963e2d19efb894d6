//! Queue and store of a file that is opened read-only, and what opening them would make.

use std::sync::Arc;

use ports::Clock;
use tables::schema::Schema;

use crate::database::Database;
use crate::{Error, QueueOptions, SqliteQueue, SqliteStore, queue, store};

impl SqliteQueue {
    /// The queue in `database`, which was opened read-only; `None` when there is none in it yet, an error when it is
    /// an older one.
    pub async fn open_read_only(
        database: Database,
        options: QueueOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, Error> {
        let is_there = database.has(&queue::SCHEMA).await?;
        Ok(is_there.then(|| Self::over(database, options, clock)))
    }

    /// What opening would make: the steps of its schema that are missing in `database`, all of them when there is none.
    pub async fn pending(database: Option<&Database>) -> Result<Vec<String>, Error> {
        pending(database, &queue::SCHEMA).await
    }
}

impl SqliteStore {
    /// The store in `database`, which was opened read-only; `None` when there is none in it yet, an error when it is
    /// an older one.
    pub async fn open_read_only(database: Database, clock: Arc<dyn Clock>) -> Result<Option<Self>, Error> {
        let is_there = database.has(&store::SCHEMA).await?;
        Ok(is_there.then(|| Self { database, clock }))
    }

    /// What opening would make: the steps of its schema that are missing in `database`, all of them when there is none.
    pub async fn pending(database: Option<&Database>) -> Result<Vec<String>, Error> {
        pending(database, &store::SCHEMA).await
    }
}

async fn pending(database: Option<&Database>, schema: &Schema) -> Result<Vec<String>, Error> {
    match database {
        Some(database) => database.pending(schema).await,
        None => Ok(schema.migrations.iter().map(|step| step.description.to_owned()).collect()),
    }
}
