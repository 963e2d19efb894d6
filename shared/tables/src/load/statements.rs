//! What a database does for a [load](super::transaction), in its own SQL.

use chrono::{DateTime, Utc};
use domain::{BatchId, Chunk, Coin};
use ports::Loaded;

use super::coins::{Known, SeenCoin, SeenIdentity};
use super::{BatchNumber, LoadRow};
use crate::row::{Row, Unreadable};

/// Makes a value of a row.
pub type Reader<T> = fn(&dyn Row) -> Result<T, Unreadable>;

/// Makes a statement, or the end of one, of what stands between the parentheses after `IN`.
pub type OfCoins = fn(&str) -> String;

/// A statement that reads rows of some coins.
#[derive(Clone, Debug)]
pub struct Select {
    columns: Vec<&'static str>,
    from: OfCoins,
    lock: &'static str,
    has_doubles: bool,
}

impl Select {
    /// Reads `columns`; `from` is what follows them.
    pub fn new(columns: &[&'static str], from: OfCoins) -> Self {
        Self { columns: columns.to_vec(), from, lock: "", has_doubles: false }
    }

    /// Some of the columns are doubles, which have to come back bit for bit.
    pub(super) fn with_doubles(self) -> Self {
        Self { has_doubles: true, ..self }
    }

    /// The rows stay locked by `lock`, which ends the statement.
    pub(super) fn locked(self, lock: &'static str) -> Self {
        Self { lock, ..self }
    }

    /// The statement; `ids` is what stands between the parentheses.
    pub fn sql(&self, ids: &str) -> String {
        format!("SELECT {} {}{}", self.columns.join(", "), (self.from)(ids), self.lock)
    }

    /// The columns, in their order.
    pub fn columns(&self) -> &[&'static str] {
        &self.columns
    }

    /// Whether some of them are doubles.
    pub fn has_doubles(&self) -> bool {
        self.has_doubles
    }
}

/// An identity that a table has: its coin, its key, and when it was seen.
pub type KnownIdentity<K> = ((u32, K), Known<()>);

/// Rows to insert, in the order of their table's key. What is newer wins in the statement itself.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'r, 'a> {
    /// Into `coin_descriptions`.
    Coins(&'r [SeenCoin<'a>]),
    /// Into `coin_names`.
    Identities(&'r [SeenIdentity<'a>]),
    /// Into `quotes_latest`.
    Latest(&'r [LoadRow<'a>]),
    /// Into `history`.
    History(&'r [LoadRow<'a>]),
}

/// The statements of one load, all in its transaction. Whoever implements them sees to it that nobody else writes of the same
/// coins until its end: by [`COINS_LOCK`](Self::COINS_LOCK), or because there is one writer at a time.
pub trait Statements: Send {
    /// What can go wrong.
    type Error: Send;

    /// What the driver gives: a row, or several as one.
    type Found: Send + Sync;

    /// How many of those are read before others have their turn: about half a millisecond's work.
    const AT_ONCE: usize;

    /// What tells one symbol, name and slug of a coin from another, as the table's key has it.
    type IdentityKey: Ord + Send;

    /// What follows the statement that reads `coin_descriptions`, so that they stay locked.
    const COINS_LOCK: &'static str;

    /// Whether several may load at the same time: then the history, which needs no lock on coins, is written before they are locked.
    const SIDE_BY_SIDE: bool;

    /// The columns that [`known_identity`](Self::known_identity) reads of `coin_names`.
    const IDENTITY_COLUMNS: &'static [&'static str];

    /// Whether data of this kind may be written. In an empty store it decides.
    fn admit(&mut self, simulated: bool) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// Why the tables cannot hold this row as it is; what they would change without a word is to be found here. What they
    /// refuse themselves need not.
    fn misfit(row: &LoadRow<'_>) -> Option<String>;

    /// The reason, when `error` says that the values of a row do not fit the tables.
    fn refusal(error: &Self::Error) -> Option<String>;

    /// The key of the identity that `coin` has.
    fn identity_key(coin: &Coin) -> Self::IdentityKey;

    /// A row of `coin_names`.
    fn known_identity(row: &dyn Row) -> Result<KnownIdentity<Self::IdentityKey>, Unreadable>;

    /// Runs a statement without values.
    fn execute(&mut self, sql: &'static str) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The numbers that stand for `batches` in the history, in their order. From then on until the end of the transaction nobody
    /// drops one of them.
    fn batch_numbers(
        &mut self,
        batches: &[&BatchId],
    ) -> impl Future<Output = Result<Vec<BatchNumber>, Self::Error>> + Send;

    /// The rows of the coins `ids`.
    fn of_coins(
        &mut self,
        select: &Select,
        ids: &[u32],
    ) -> impl Future<Output = Result<Vec<Self::Found>, Self::Error>> + Send;

    /// The history is written, and the coins are locked next; only where loads run [side by side](Self::SIDE_BY_SIDE).
    fn before_coins(&mut self) -> impl Future<Output = ()> + Send;

    /// Adds what `reader` makes of the rows in `found`.
    fn read<T>(found: &Self::Found, reader: Reader<T>, all: &mut Vec<T>) -> Result<(), Self::Error>;

    /// Writes into the ledger what became of `chunk`, loaded at `now`.
    fn record(
        &mut self,
        chunk: &Chunk,
        loaded: &Loaded,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Runs a statement about the coins `ids`; an instant, if there is one, comes first in it.
    fn update(
        &mut self,
        sql: OfCoins,
        at: Option<DateTime<Utc>>,
        ids: &[u32],
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Inserts `rows`; those of a [rebuild](domain::Chunk::is_rebuild) take the place of rows that have their own fetch time.
    fn insert(
        &mut self,
        rows: Rows<'_, '_>,
        is_rebuild: bool,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
