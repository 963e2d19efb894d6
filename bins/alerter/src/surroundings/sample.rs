//! Letters of a group that a mail shows: its newest, and those before it that say something else.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::{MessageId, header, one_line};
use ports::store::LetterSummary;
use ports::{Letters, StoreError};

use super::About;

/// The longest reason of a letter before the newest, in characters; reasons that are equal so far are the same.
pub(crate) const SHORT_REASON_CHARS: usize = 120;

/// As many groups are looked at: more than a mail shows.
pub(super) const MOST_GROUPS: usize = 25;

/// As many letters of a group are shown.
const MOST_SAMPLES: usize = 5;

/// As many of its newest are looked at: of thousands that say the same one is shown.
const LOOKED_AT: u32 = 50;

/// A letter, as a mail shows it: nothing of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) letter: MessageId,
    /// Why it died.
    pub(crate) reason: String,
    /// When that was filed.
    pub(crate) filed_at: DateTime<Utc>,
    /// Of which batch it is, if it says so.
    pub(crate) batch: Option<String>,
}

impl Sample {
    fn of(letter: LetterSummary) -> Self {
        Self {
            batch: letter.headers.get(header::BATCH).map(str::to_owned),
            letter: letter.id,
            reason: letter.reason,
            filed_at: letter.filed_at,
        }
    }

    /// The reason in a few words.
    pub(crate) fn short_reason(&self) -> String {
        one_line(&self.reason, SHORT_REASON_CHARS)
    }
}

/// The samples of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Samples {
    pub(crate) newest: Sample,
    /// Those before it of which the mail tells, each with another reason, newest first.
    pub(crate) earlier: Vec<Sample>,
}

impl Samples {
    fn of(letters: Vec<LetterSummary>, since: Option<DateTime<Utc>>) -> Option<Self> {
        let mut samples = letters.into_iter().map(Sample::of);
        let newest = samples.next()?;
        let mut said = BTreeSet::from([newest.short_reason()]);
        let earlier = samples
            .take_while(|sample| since.is_none_or(|since| sample.filed_at >= since))
            .filter(|sample| said.insert(sample.short_reason()))
            .take(MOST_SAMPLES - 1)
            .collect();
        Some(Self { newest, earlier })
    }
}

/// Those of the groups that a mail is `about`, as far as they have letters.
pub(super) async fn samples(
    letters: &dyn Letters,
    about: &[About],
) -> Result<BTreeMap<String, Samples>, StoreError> {
    let mut samples = BTreeMap::new();
    for About { group, since, .. } in about.iter().take(MOST_GROUPS) {
        let newest = letters.letters(Some(group), LOOKED_AT).await?;
        samples.extend(Samples::of(newest, *since).map(|found| (group.clone(), found)));
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use domain::{DeadLetter, StageName};
    use ports::Clock;
    use testkit::clock::ManualClock;
    use testkit::memory::MemoryStore;

    use super::*;

    /// What is shown of these letters, the oldest of which come first, in a mail about those from the `told`th on.
    async fn shown(reasons: &[&str], told: usize) -> Vec<String> {
        let clock = Arc::new(ManualClock::default());
        let store = MemoryStore::new(clock.clone());
        let mut since = None;
        for (number, reason) in reasons.iter().enumerate() {
            clock.advance(Duration::from_secs(1));
            if number == told {
                since = Some(clock.now());
            }
            let id = number.to_string();
            let letter = DeadLetter::incident(StageName::Loader, "broken", &id, *reason, clock.now());
            assert!(store.file(&letter, "one").await.unwrap());
        }
        let about = [About { group: "one".to_owned(), since, deaths: 1 }];
        let found = samples(&store, &about).await.unwrap().remove("one");
        let all = found.into_iter().flat_map(|found| std::iter::once(found.newest).chain(found.earlier));
        all.map(|sample| sample.reason).collect()
    }

    #[tokio::test]
    async fn the_newest_five_that_say_something_else_are_shown() {
        assert_eq!(shown(&[], 0).await, [""; 0]);
        assert_eq!(shown(&["1", "2", "3", "4", "5", "6"], 0).await, ["6", "5", "4", "3", "2"]);
        assert_eq!(shown(&["1", "2", "2", "1", "3", "3"], 0).await, ["3", "1", "2"]);
        let long = "x".repeat(SHORT_REASON_CHARS);
        assert_eq!(shown(&[&format!("{long}1"), &format!("{long}2")], 0).await, [format!("{long}2")]);
    }

    /// The mail before told of the others. The newest is shown all the same: the deaths of a mail that was refused are older.
    #[tokio::test]
    async fn what_was_told_before_is_no_sample() {
        assert_eq!(shown(&["1", "2", "3", "4"], 2).await, ["4", "3"]);
        assert_eq!(shown(&["1", "2"], 2).await, ["2", "1"], "nobody was told");
    }

    #[tokio::test]
    async fn of_thousands_that_say_the_same_one_is_shown() {
        let same = vec!["the same"; usize::try_from(LOOKED_AT).unwrap()];
        assert_eq!(shown(&[&["other"][..], &same].concat(), 0).await, ["the same"]);
    }
}
