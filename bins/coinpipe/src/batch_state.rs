//! How far a batch is, in a word or two.

use ports::store::{BatchRecord, Missing};

/// Whether it is complete, what is missing, what was found wrong with it, or that it was dropped, all of it or not yet.
pub(crate) fn state(batch: &BatchRecord) -> String {
    match &batch.verdict {
        _ if batch.is_half_dropped => "half dropped".to_owned(),
        _ if batch.dropped.is_some() => "dropped".to_owned(),
        _ if !batch.is_complete() => format!("missing {}", missing(batch)),
        Some(verdict) => verdict.doubt.to_string(),
        None => "complete".to_owned(),
    }
}

/// The first parts that are missing, in words.
pub(crate) fn missing(batch: &BatchRecord) -> String {
    parts(&batch.missing)
}

/// The first of these parts, in words.
pub(crate) fn parts(parts: &[Missing]) -> String {
    let shown = parts.iter().take(3).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let more = parts.len().saturating_sub(3);
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
