//! What a database does for a [load](super::load) of a kind, in its own SQL.

use domain::MarketKind;

use super::values::Held;
use crate::load::statements::Statements;
use crate::write::Parameter;

/// A statement with its values.
#[derive(Debug)]
pub struct Sql<'a> {
    /// The statement.
    pub text: String,
    /// What stands in its places.
    pub values: Vec<Parameter<'a>>,
}

/// The statements of the load of a chunk of a kind, all in its transaction.
pub trait MarketStatements: Statements {
    /// How an insert goes on when a row with the key is there; assignments follow.
    const ON_CONFLICT: &'static str;

    /// In such an assignment, the value of `column` that was to be inserted.
    fn incoming(column: &str) -> String;

    /// The rows of `kind` that `sql` finds, read by [`held`](super::values::held).
    fn held(
        &mut self,
        sql: Sql<'_>,
        kind: MarketKind,
    ) -> impl Future<Output = Result<Vec<Held>, Self::Error>> + Send;

    /// Runs `sql`.
    fn run(&mut self, sql: Sql<'_>) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
