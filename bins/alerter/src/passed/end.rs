//! What ends an incident, read from its letter.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use domain::{BatchId, Class, StageName, header, timestamp};
use ports::store::{AlertGroup, LetterSummary};

/// What proves that an incident has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The batch, at which this was a try, is whole in the tables.
    Came(BatchId),
    /// What was missing of the batch is in the tables.
    Completed(BatchId),
    /// The slots from that of one batch to another one have been filled.
    Filled {
        /// The batch that the first should have.
        first: BatchId,
        /// When the last slot begins; `None` when it is the first.
        last: Option<DateTime<Utc>>,
    },
    /// A later snapshot of the same kind has nothing that this one was told of.
    Sound {
        /// The batch that had.
        than: BatchId,
    },
    /// Something that was fetched after the letter came whole: the key, the plan or the disk serves again.
    Works {
        /// The kind of the market, when it is about one: `map`.
        kind: Option<String>,
    },
    /// The day, or the month of the plan, is over.
    After(DateTime<Utc>),
}

impl End {
    /// Whether letters of `group` can have an end.
    pub(super) fn may_be_known(group: &AlertGroup) -> bool {
        group.class == Class::Incident && matches!(group.stage, Some(StageName::Fetcher | StageName::Alerter))
    }

    /// What ends the incident of `letter`; `None` when a person has to.
    pub(super) fn of(letter: &LetterSummary) -> Option<Self> {
        let (stage, code) = (letter.stage?, letter.code.as_str());
        let occasion = letter.id.as_str().strip_prefix(&format!("incident/{stage}/{code}/"))?;
        match stage {
            // The conditions close theirs.
            StageName::Alerter => {
                return (code == "batch_incomplete").then(|| Self::Completed(BatchId::from_stored(occasion)));
            }
            StageName::Fetcher => {}
            StageName::Transformer | StageName::Loader => return None,
        }
        if let Some(batch) = letter.headers.get(header::BATCH) {
            return Some(Self::Came(BatchId::from_stored(batch)));
        }
        match code {
            "slot_missed" => {
                let (first, last) = match occasion.rsplit_once("..") {
                    Some((first, last)) => (first, Some(timestamp::from_text(last)?)),
                    None => (occasion, None),
                };
                Some(Self::Filled { first: BatchId::from_stored(first), last })
            }
            "batch_incomplete" | "batch_suspect" => {
                Some(Self::Sound { than: BatchId::from_stored(occasion) })
            }
            "credits_80" | "credits_95" => match occasion.split_once('/')? {
                ("day", day) => begins(day)?.checked_add_days(chrono::Days::new(1)).map(Self::After),
                (_, month_ends) => begins(month_ends).map(Self::After),
            },
            "over_budget" => begins(occasion).map(Self::After),
            // A gap is filled, or it is not; these do not say of which slots.
            "gap_unpaid" | "gap_refused" | "gap_left" => None,
            // Told once a day, for as long as it lasts.
            _ => {
                let (day, kind) = match occasion.split_once('/') {
                    Some((day, kind)) => (day, Some(kind.to_owned())),
                    None => (occasion, None),
                };
                begins(day).map(|_| Self::Works { kind })
            }
        }
    }

    /// Whether it has passed only when all letters of the group have: each stands for something that is missing.
    pub(super) fn is_of_each(&self) -> bool {
        matches!(self, Self::Filled { .. } | Self::Completed(_))
    }

    /// The end, for people.
    pub(super) fn in_words(&self) -> &'static str {
        match self {
            Self::Came(_) => "the batch came after all",
            Self::Completed(_) => "what was missing is there",
            Self::Filled { .. } => "the gap is filled",
            Self::Sound { .. } => "a later snapshot is sound",
            Self::Works { .. } => "a later snapshot came whole",
            Self::After(_) => "its time is over",
        }
    }
}

fn begins(day: &str) -> Option<DateTime<Utc>> {
    day.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use domain::{Headers, MessageId};

    use super::*;

    fn end(stage: StageName, code: &str, occasion: &str) -> Option<End> {
        let at = timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        End::of(&LetterSummary {
            id: MessageId::new(format!("incident/{stage}/{code}/{occasion}")),
            class: Class::Incident,
            code: code.to_owned(),
            reason: String::new(),
            stage: Some(stage),
            attempt: 1,
            first_seen_at: at,
            headers: Headers::new(),
            body_bytes: 0,
            fingerprint: String::new(),
            filed_at: at,
            deaths: 1,
        })
    }

    #[test]
    fn what_the_fetcher_reports_ends_as_its_kind_does() {
        let fetcher = |code: &str, occasion: &str| end(StageName::Fetcher, code, occasion);
        let batch = || BatchId::from_stored("2026-11-22T14:00:00Z/listings/USD");
        let at = |text: &str| timestamp::from_text(text).unwrap();
        assert_eq!(
            fetcher("slot_missed", batch().as_str()),
            Some(End::Filled { first: batch(), last: None })
        );
        assert_eq!(
            fetcher("slot_missed", "2026-11-22T14:00:00Z/listings/USD..2026-11-22T17:00:00Z"),
            Some(End::Filled { first: batch(), last: Some(at("2026-11-22T17:00:00Z")) })
        );
        assert_eq!(fetcher("batch_suspect", batch().as_str()), Some(End::Sound { than: batch() }));
        assert_eq!(fetcher("credits_80", "month/2026-12-01"), Some(End::After(at("2026-12-01T00:00:00Z"))));
        assert_eq!(fetcher("credits_95", "day/2026-11-26"), Some(End::After(at("2026-11-27T00:00:00Z"))));
        assert_eq!(fetcher("over_budget", "2026-12-01"), Some(End::After(at("2026-12-01T00:00:00Z"))));
        assert_eq!(fetcher("api_1001", "2026-11-26"), Some(End::Works { kind: None }));
        assert_eq!(fetcher("api_1001", "2026-11-26/map"), Some(End::Works { kind: Some("map".to_owned()) }));
        // What is lost is lost, and what nobody can prove is for people.
        for (code, occasion) in [
            ("gap_unpaid", "2026-12-01"),
            ("spool_lost", "2026-11-22T14:00:00Z/listings/USD/p1"),
            ("http_500", "2026-11-22T14:00:00Z/given-up"),
        ] {
            assert_eq!(fetcher(code, occasion), None, "{code}/{occasion}");
        }
        assert_eq!(
            end(StageName::Alerter, "batch_incomplete", batch().as_str()),
            Some(End::Completed(batch()))
        );
        assert_eq!(end(StageName::Alerter, "quotes_stale", "2026-11-22"), None);
        assert_eq!(end(StageName::Loader, "batch_incomplete", batch().as_str()), None);
    }
}
