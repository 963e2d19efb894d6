//! A connection on loan from the pool, which gets it back only when it was left in order.

use std::time::Duration;

use sqlx::mysql::MySqlConnection;
use sqlx::pool::PoolConnection;
use sqlx::{Connection, MySql};

/// How long to wait for the server's goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Dropped without [`give_back`](Self::give_back), by an error or because whoever used it was cancelled, it
/// cuts the connection: the server undoes the transaction, and nobody reads a late answer as their own. (The
/// pool alone would keep it, and wait for that answer.)
pub(super) struct Lease {
    /// `None` only while it is dropped.
    connection: Option<PoolConnection<MySql>>,
}

impl Lease {
    pub(super) fn new(connection: PoolConnection<MySql>) -> Self {
        Self { connection: Some(connection) }
    }

    pub(super) fn connection(&mut self) -> &mut MySqlConnection {
        self.connection.as_mut().expect("is there until dropped")
    }

    /// The next call may use the connection.
    pub(super) fn give_back(mut self) {
        drop(self.connection.take());
    }

    /// Says goodbye to the server, which may not hear it: over TLS the answer would be waited for, for ever.
    pub(super) async fn close(mut self) {
        let connection = self.connection.take().expect("is there until dropped");
        drop(tokio::time::timeout(GOODBYE, connection.detach().close()).await);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}
