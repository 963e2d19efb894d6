//! The columns of the tables, each list written once: statements that read and write are made from them.

use domain::Measure;

/// Of `coin_descriptions`.
pub const COINS: [&str; 13] = [
    "id",
    "symbol",
    "name",
    "slug",
    "date_added",
    "platform_id",
    "platform_name",
    "token_address",
    "tags",
    "infinite_supply",
    "is_active",
    "first_seen_at",
    "last_seen_at",
];

/// Those columns of `coin_descriptions` that describe the coin: they follow its newest description.
pub fn description() -> &'static [&'static str] {
    &COINS[1..11]
}

/// Of `coin_names`. A store may have one more, to make them unique.
pub const IDENTITIES: [&str; 6] = ["coin_id", "symbol", "name", "slug", "first_seen_at", "last_seen_at"];

/// How many columns `quotes_latest` has.
const LATEST: usize = Measure::COUNT + 6;

/// How many columns `history` has.
const HISTORY: usize = Measure::HISTORY_COUNT + 6;

/// Of `quotes_latest`.
pub fn latest() -> [&'static str; LATEST] {
    let last = ["missing_fields", "last_updated", "fetched_at", "batch_id"];
    around_measures(&["coin_id", "currency"], &Measure::ALL, &last)
}

/// Of `history`, its key first.
pub fn history() -> [&'static str; HISTORY] {
    let first = ["last_updated", "coin_id", "currency", "fetched_at", "batch"];
    around_measures(&first, &Measure::HISTORY, &["missing_fields"])
}

fn around_measures<const N: usize>(
    first: &[&'static str],
    measures: &[Measure],
    last: &[&'static str],
) -> [&'static str; N] {
    let measures = measures.iter().map(|measure| measure.column());
    let mut columns = first.iter().copied().chain(measures).chain(last.iter().copied());
    std::array::from_fn(|_| columns.next().unwrap_or_default())
}

/// Of `mail_outbox`, as a mail is posted.
pub const MAILS: [&str; 11] = [
    "id",
    "channel",
    "subject",
    "body",
    "html",
    "headers",
    "recipients",
    "copy_of",
    "posted_at",
    "attempts",
    "due_at",
];

/// Of `batches`, as they are announced. A chunk tells the first five.
pub const BATCHES: [&str; 10] = [
    "id",
    "slot",
    "endpoint",
    "currencies",
    "simulated",
    "fetched_at",
    "pages",
    "credits",
    "verdict",
    "verdict_reason",
];

/// The other columns of `batches`: that one was dropped.
pub const DROPPED: [&str; 2] = ["dropped_at", "dropped_why"];

/// Of `batch_chunks`.
pub const CHUNKS: [&str; 20] = [
    "batch_id",
    "page",
    "chunk",
    "pages",
    "chunks",
    "chunk_coins",
    "fetched_at",
    "sorted",
    "coins_in",
    "rejected",
    "transformed_at",
    "written",
    "unchanged",
    "stale",
    "loaded_at",
    "replays",
    "oldest_quote_at",
    "newest_quote_at",
    "newest_fetch_at",
    "loads",
];

/// Of `schedules`.
pub const SCHEDULES: [&str; 9] = [
    "id",
    "series",
    "endpoint",
    "currencies",
    "every_seconds",
    "coins",
    "since",
    "simulated",
    "confirmed_at",
];

/// Of `chunk_replays`.
pub const REPLAYS: [&str; 7] = ["batch_id", "page", "replay", "chunks", "chunk_coins", "sorted", "chunk"];

/// Of `alert_groups`.
pub const GROUPS: [&str; 20] = [
    "fingerprint",
    "stage",
    "class",
    "code",
    "reason",
    "state",
    "first_seen_at",
    "last_seen_at",
    "total",
    "unsent",
    "mailed_at",
    "mailed_total",
    "opened_at",
    "resolved_at",
    "resolution",
    "episodes",
    "opened_total",
    "flapping_since",
    "flaps",
    "told_at",
];

/// Of `silences`.
pub(crate) const SILENCES: [&str; 5] = ["fingerprint", "until_at", "why", "made_by", "made_at"];

/// Of `processes`: those that a process says again come last.
pub(crate) const PROCESSES: [&str; 10] =
    ["id", "roles", "version", "host", "pid", "since", "seen_at", "asked_at", "ended_at", "rates"];

/// Of `dead_letters`, as a death leaves it: open. The body last, so that lists can leave it out.
pub const LETTERS: [&str; 16] = [
    "id",
    "class",
    "code",
    "reason",
    "stage",
    "attempt",
    "first_seen_at",
    "headers",
    "fingerprint",
    "filed_at",
    "batch",
    "coins",
    "state",
    "settled_at",
    "why",
    "body",
];

/// The other columns of `dead_letters`: what operators did, which a death does not change.
pub const HANDLED: [&str; 3] = ["replay_id", "replayed_at", "edited_from"];

/// Of `desk_log`.
pub const LOG: [&str; 8] = ["id", "at", "who", "verb", "filter", "matched", "done", "outcome"];

/// Of `letter_deaths`. Those after the first three have the names that they have in `dead_letters`.
pub const DEATHS: [&str; 11] = [
    "letter_id",
    "number",
    "life",
    "fingerprint",
    "class",
    "code",
    "reason",
    "stage",
    "attempt",
    "first_seen_at",
    "filed_at",
];

/// `columns` of the table or alias `table` for a `SELECT` from several tables; the rows are read by the plain names.
pub(crate) fn of_table(table: &str, columns: &[&str]) -> String {
    let named = columns.iter().map(|column| format!("{table}.{column} AS {column}"));
    named.collect::<Vec<_>>().join(", ")
}
