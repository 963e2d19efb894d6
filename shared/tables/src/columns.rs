//! The columns of the tables, each list written once: statements that read and write are made from them.

use domain::Measure;

/// Of `coins`.
pub const COINS: [&str; 12] = [
    "id",
    "symbol",
    "name",
    "slug",
    "date_added",
    "platform_id",
    "token_address",
    "tags",
    "infinite_supply",
    "is_active",
    "first_seen_at",
    "last_seen_at",
];

/// Those columns of `coins` that describe the coin: they follow its newest description.
pub fn description() -> &'static [&'static str] {
    &COINS[1..10]
}

/// Of `coin_identities`. A store may have one more, to make them unique.
pub const IDENTITIES: [&str; 6] = ["coin_id", "symbol", "name", "slug", "first_seen_at", "last_seen_at"];

/// How many columns a table of quotes has.
pub const QUOTES: usize = Measure::COUNT + 6;

/// Of `quotes_latest` and `quotes_history`.
pub fn quotes() -> [&'static str; QUOTES] {
    let measures = Measure::ALL.map(Measure::column);
    let rest = ["missing_fields", "last_updated", "fetched_at", "batch_id"];
    let mut columns = ["coin_id", "currency"].into_iter().chain(measures).chain(rest);
    std::array::from_fn(|_| columns.next().unwrap_or_default())
}

/// Of `batches`.
pub const BATCHES: &str = "id, slot, endpoint, currencies, simulated, fetched_at, pages, credits";

/// Of `batch_chunks`, what is read of it; `c` is the table. Named with `AS`, because otherwise SQLite promises nothing about
/// the names that it gives to columns.
pub const CHUNKS: &str = "\
    c.batch_id AS batch_id, c.page AS page, c.chunk AS chunk, c.pages AS pages, c.chunks AS chunks, \
    c.chunk_coins AS chunk_coins, c.fetched_at AS fetched_at, c.transformed_at AS transformed_at, \
    c.loaded_at AS loaded_at, c.coins_in AS coins_in, c.rejected AS rejected, c.written AS written, \
    c.unchanged AS unchanged, c.stale AS stale, c.loads AS loads";

/// Of `chunk_replays`; `r` is the table.
pub const REPLAYS: &str = "\
    r.batch_id AS batch_id, r.page AS page, r.replay AS replay, r.chunks AS chunks, \
    r.chunk_coins AS chunk_coins, r.chunk AS chunk";

/// Of `alert_groups`.
pub(crate) const GROUPS: &str = "fingerprint, stage, class, code, reason, state, first_seen_at, last_seen_at, total, \
    unsent, mailed_at, mailed_total";

/// Of a letter, whole or in a list.
pub(crate) const LETTERS: &str =
    "id, class, code, reason, stage, attempt, first_seen_at, headers, fingerprint, filed_at";
