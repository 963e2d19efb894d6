//! Reading the dead-letter desk.

use domain::{DeadLetter, Headers, MessageId};
use ports::{AlertGroup, Death, FLAPPING, FiledCounts, FiledLetter, LetterSummary};

use crate::columns::{DEATHS, GROUPS, LETTERS};
use crate::row::{Row, Unreadable};

/// The groups in one state or in any, newest first, for [`group`]; binds the state, if there is one.
pub fn groups(of_state: bool) -> String {
    let which = if of_state { "WHERE state = ? " } else { "" };
    format!("SELECT {} FROM alert_groups {which}ORDER BY last_seen_at DESC, fingerprint", GROUPS.join(", "))
}

/// The open groups with deaths that no mail tells about, the resolved ones that a mail called open, and those that come and go with
/// such deaths; for [`group`].
pub fn untold_groups() -> String {
    let columns = GROUPS.join(", ");
    format!(
        "SELECT {columns} FROM alert_groups WHERE state = 'open' AND unsent > 0 \
         UNION ALL SELECT {columns} FROM alert_groups WHERE state = 'resolved' AND told_at IS NOT NULL \
         UNION ALL SELECT {columns} FROM alert_groups \
             WHERE state = 'resolved' AND told_at IS NULL AND unsent > 0 AND flaps >= {FLAPPING} \
         ORDER BY fingerprint"
    )
}

/// The letters of one group or of any, newest first, for [`summary`]; binds the group's fingerprint, if there is one, and how
/// many. `body_bytes` is how the database tells the length of a body without reading it.
pub fn summaries(body_bytes: &str, of_group: bool) -> String {
    let which = if of_group { "WHERE fingerprint = ? " } else { "" };
    let [columns @ .., _body] = LETTERS;
    format!(
        "SELECT {}, {body_bytes} AS body_bytes, \
             (SELECT count(*) FROM letter_deaths WHERE letter_id = dead_letters.id) AS deaths \
         FROM dead_letters {which}ORDER BY filed_at DESC, id DESC LIMIT ?",
        columns.join(", ")
    )
}

/// A letter with its body, for [`letter`]; binds its id.
pub fn whole_letter() -> String {
    format!("SELECT {} FROM dead_letters WHERE id = ?", LETTERS.join(", "))
}

/// The deaths of a letter in their order, for [`death`]; binds its id.
pub fn deaths_of() -> String {
    format!("SELECT {} FROM letter_deaths WHERE letter_id = ? ORDER BY number", DEATHS.join(", "))
}

/// Which death of the letter this one is: [`Filing::cause`](crate::write::letters::Filing::cause), for [`next_death`].
pub const LAST_DEATH: &str = "SELECT max(number) AS deaths, max(life = ? AND class = ? AND code = ?) AS is_known \
    FROM letter_deaths WHERE letter_id = ?";

/// The number of the death that [`LAST_DEATH`] asked for; `None` when it was filed before.
pub fn next_death(row: &dyn Row) -> Result<Option<u64>, Unreadable> {
    let deaths: Option<u64> = row.nullable("deaths")?;
    let is_known = row.nullable("is_known")?.unwrap_or(false);
    Ok((!is_known).then_some(deaths.unwrap_or(0) + 1))
}

/// How many letters died last in a time, for [`filed_counts`]; binds from when and until when.
pub const COUNT_FILED: &str = "SELECT count(*) AS filed, count(CASE WHEN class = 'incident' THEN 1 END) AS incidents \
    FROM dead_letters WHERE filed_at >= ? AND filed_at < ?";

/// The row of [`COUNT_FILED`].
pub fn filed_counts(row: &dyn Row) -> Result<FiledCounts, Unreadable> {
    let (filed, incidents): (u64, u64) = (row.get("filed")?, row.get("incidents")?);
    Ok(FiledCounts { letters: filed.saturating_sub(incidents), incidents })
}

/// A row of `alert_groups`. Programs of older versions write no episodes.
pub fn group(row: &dyn Row) -> Result<AlertGroup, Unreadable> {
    let first_seen_at = row.get("first_seen_at")?;
    let opened_at = row.nullable("opened_at")?.unwrap_or(first_seen_at);
    Ok(AlertGroup {
        fingerprint: row.get("fingerprint")?,
        stage: row.nullable_name("stage")?,
        class: row.name("class")?,
        code: row.get("code")?,
        reason: row.get("reason")?,
        state: row.name("state")?,
        first_seen_at,
        last_seen_at: row.get("last_seen_at")?,
        total: row.get("total")?,
        unsent: row.get("unsent")?,
        mailed_at: row.nullable("mailed_at")?,
        mailed_total: row.get("mailed_total")?,
        opened_at,
        resolved_at: row.nullable("resolved_at")?,
        resolution: row.nullable("resolution")?,
        episodes: row.get("episodes")?,
        opened_total: row.get("opened_total")?,
        flapping_since: row.nullable("flapping_since")?.unwrap_or(opened_at),
        flaps: row.get("flaps")?,
        told_at: row.nullable("told_at")?,
    })
}

/// A row of [`whole_letter`], and its `deaths`. Programs of older versions filed letters without deaths: such a letter died
/// once, as its row says.
pub fn letter(row: &dyn Row, mut deaths: Vec<Death>) -> Result<FiledLetter, Unreadable> {
    let letter = DeadLetter {
        id: MessageId::new(row.get::<String>("id")?),
        class: row.name("class")?,
        code: row.get("code")?,
        reason: row.get("reason")?,
        stage: row.nullable_name("stage")?,
        attempt: row.get("attempt")?,
        first_seen_at: row.get("first_seen_at")?,
        headers: headers(row)?,
        body: row.get::<Vec<u8>>("body")?.into(),
    };
    let (fingerprint, filed_at): (String, _) = (row.get("fingerprint")?, row.get("filed_at")?);
    if deaths.is_empty() {
        deaths.push(Death {
            replay: String::new(),
            stage: letter.stage,
            class: letter.class,
            code: letter.code.clone(),
            reason: letter.reason.clone(),
            attempt: letter.attempt,
            first_seen_at: letter.first_seen_at,
            filed_at,
            fingerprint: fingerprint.clone(),
        });
    }
    Ok(FiledLetter { letter, fingerprint, filed_at, deaths })
}

/// A row of [`deaths_of`].
pub fn death(row: &dyn Row) -> Result<Death, Unreadable> {
    Ok(Death {
        replay: row.get("life")?,
        stage: row.nullable_name("stage")?,
        class: row.name("class")?,
        code: row.get("code")?,
        reason: row.get("reason")?,
        attempt: row.get("attempt")?,
        first_seen_at: row.get("first_seen_at")?,
        filed_at: row.get("filed_at")?,
        fingerprint: row.get("fingerprint")?,
    })
}

/// A row of [`summaries`].
pub fn summary(row: &dyn Row) -> Result<LetterSummary, Unreadable> {
    Ok(LetterSummary {
        id: MessageId::new(row.get::<String>("id")?),
        class: row.name("class")?,
        code: row.get("code")?,
        reason: row.get("reason")?,
        stage: row.nullable_name("stage")?,
        attempt: row.get("attempt")?,
        first_seen_at: row.get("first_seen_at")?,
        headers: headers(row)?,
        body_bytes: row.get("body_bytes")?,
        fingerprint: row.get("fingerprint")?,
        filed_at: row.get("filed_at")?,
        // Programs of older versions file letters without their deaths.
        deaths: row.get::<u64>("deaths")?.max(1),
    })
}

fn headers(row: &dyn Row) -> Result<Headers, Unreadable> {
    row.json("headers")?.ok_or_else(|| Unreadable::new("headers", "NULL, where a value must be"))
}
