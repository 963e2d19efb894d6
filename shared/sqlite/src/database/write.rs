//! A write transaction, which tells the gate when it was made durable.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use outage::{Gate, Need, Pass};
use sqlx::{Sqlite, SqliteConnection, Transaction};

/// A write transaction. Dropping it undoes it.
pub(crate) struct Write {
    transaction: Transaction<'static, Sqlite>,
    gate: Arc<Gate>,
    _pass: Pass,
}

impl Write {
    pub(super) fn new(transaction: Transaction<'static, Sqlite>, gate: Arc<Gate>, pass: Pass) -> Self {
        Self { transaction, gate, _pass: pass }
    }

    /// Makes it durable.
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        self.transaction.commit().await?;
        self.gate.worked(Need::Write);
        Ok(())
    }
}

impl Deref for Write {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.transaction
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}
