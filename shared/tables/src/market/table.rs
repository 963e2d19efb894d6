//! The statements about the table of a kind.

use domain::MarketKind;

use super::statements::MarketStatements;

/// After the columns of the answer: which map had the coin first and last. Only where a row is of a thing that may vanish.
const SEEN: [&str; 2] = ["first_seen_at", "last_seen_at"];
/// The last columns of each table.
const FETCH: [&str; 2] = ["batch_id", "fetched_at"];

/// The columns of the table, in the order of the values of a row.
pub(super) fn columns(kind: MarketKind) -> Vec<&'static str> {
    let fields = kind.description().fields.iter().map(|field| field.column);
    let seen = if kind.is_list() { &SEEN[..] } else { &[] };
    fields.chain(seen.iter().copied()).chain(FETCH).collect()
}

/// Inserts `rows` rows. What is fetched later wins, and of equal fetches a rebuild.
pub(super) fn insert<S: MarketStatements>(kind: MarketKind, rows: usize, is_rebuild: bool) -> String {
    let (table, columns) = (kind.description().table, columns(kind));
    let later = if is_rebuild { ">=" } else { ">" };
    let is_later = format!("{} {later} {table}.fetched_at", S::incoming("fetched_at"));
    let take = |column: &str, condition: &str| {
        format!("{column} = CASE WHEN {condition} THEN {} ELSE {table}.{column} END", S::incoming(column))
    };
    let rest = kind.description().fields.iter().filter(|field| !field.is_key).map(|field| field.column);
    let mut set: Vec<_> = rest.chain(["batch_id"]).map(|column| take(column, &is_later)).collect();
    if kind.is_list() {
        for (column, compare) in SEEN.into_iter().zip(["<", ">"]) {
            set.push(take(column, &format!("{} {compare} {table}.{column}", S::incoming(column))));
        }
    }
    // Some servers assign from left to right: what all depends on comes last.
    set.push(take("fetched_at", &is_later));
    let row = format!("({})", vec!["?"; columns.len()].join(", "));
    format!(
        "INSERT INTO {table} ({}) VALUES {} {} {}",
        columns.join(", "),
        vec![row.as_str(); rows].join(", "),
        S::ON_CONFLICT,
        set.join(", ")
    )
}

/// Finds the rows with these many keys.
pub(super) fn select(kind: MarketKind, keys: usize) -> String {
    let description = kind.description();
    let key =
        description.fields.iter().filter(|field| field.is_key).map(|field| format!("{} = ?", field.column));
    let key = format!("({})", key.collect::<Vec<_>>().join(" AND "));
    format!(
        "SELECT {} FROM {} WHERE {}",
        columns(kind).join(", "),
        description.table,
        vec![key.as_str(); keys].join(" OR ")
    )
}
