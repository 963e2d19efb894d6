//! What the files of the spool are called.

use domain::MessageId;

/// What was asked for, in the folder of a batch.
pub(super) const MANIFEST: &str = "batch.json";
/// The folder of the batches, in the spool's folder.
pub(super) const BATCHES: &str = "batches";
/// What the fetcher waits for, in the spool's folder.
pub(crate) use service::WAITING;
/// What is remembered of earlier snapshots, in the spool's folder.
pub(super) const JUDGED: &str = "judged.json";
/// What was told about changes of the API, in the spool's folder.
pub(super) const DRIFT: &str = "drift.json";
/// The coins that the history is asked for, in the spool's folder.
pub(super) const PAST_COINS: &str = "past-coins.json";
/// Batches of the past that were paid for, in the spool's folder.
pub(crate) const PAST_PAID: &str = "past-paid.json";
/// What the history takes when that is more than it should, in the spool's folder.
pub(super) const PAST_PRICE: &str = "past-price.json";
/// Slots that were missed and are noted nowhere else, in the spool's folder.
pub(super) const MISSED: &str = "missed.json";
const PAGE: &str = "page-";

pub(super) fn page_name(page: u32) -> String {
    format!("{PAGE}{page:05}")
}

/// The number of the page that has this name; somebody's copy of one has another.
pub(super) fn page_number(name: &str) -> Option<u32> {
    let number = name.strip_prefix(PAGE)?.parse().ok()?;
    (page_name(number) == name).then_some(number)
}

pub(super) fn letter_name(id: &MessageId) -> String {
    format!("{}.json", file_name(id.as_str()))
}

/// Whether it is a name that a letter has: it ends in a checksum.
pub(super) fn is_letter_name(name: &str) -> bool {
    let stem = name.strip_suffix(".json").and_then(|name| name.rsplit_once('.'));
    stem.is_some_and(|(_, checksum)| {
        checksum.len() == 8 && checksum.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// A name for `text` that every file system takes: its letters and digits, and its checksum.
pub(super) fn file_name(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).take(100).collect();
    format!("{plain}.{:08x}", domain::wire::crc32c(text.as_bytes()))
}
