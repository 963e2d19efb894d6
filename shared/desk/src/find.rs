//! Finding a letter by its id, and a group by the beginning of its fingerprint.

use ports::StoreError;
use ports::store::{AlertGroup, FiledLetter, Handling, LetterFilter};
use service::Stores;

use crate::names::{read_name, shown_name};

/// A beginning of a fingerprint that is shorter, in characters, names no group.
const LEAST_NAME: usize = 4;

/// Why a name means no group.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GroupError {
    /// None begins so.
    #[error("there is no group {0:?}; `coinpipe alerts` and `coinpipe dead groups` show their names")]
    None(String),
    /// Some do, and it is too short all the same: the next death may be of another one.
    #[error("{0:?} is too short: a group is named by its first four characters or more")]
    TooShort(String),
    /// Several do.
    #[error("several groups begin with {0:?}; write more of the name")]
    Several(String),
}

/// The group with this fingerprint, or the only one whose fingerprint begins so.
pub fn group_named<'g>(groups: &'g [AlertGroup], name: &str) -> Result<&'g AlertGroup, GroupError> {
    if let Some(group) = groups.iter().find(|group| group.fingerprint == name) {
        return Ok(group);
    }
    let is_it = |group: &&AlertGroup| !name.is_empty() && group.fingerprint.starts_with(name);
    match groups.iter().filter(is_it).collect::<Vec<_>>()[..] {
        [] => Err(GroupError::None(shown_name(name))),
        _ if name.chars().count() < LEAST_NAME => Err(GroupError::TooShort(name.to_owned())),
        [group] => Ok(group),
        _ => Err(GroupError::Several(name.to_owned())),
    }
}

/// The letter `id`, as it is or as it is [shown](shown_name), and what was done about it; `None` when there is none.
pub async fn letter(stores: &Stores, id: &str) -> Result<Option<(FiledLetter, Handling)>, StoreError> {
    for id in [id.to_owned(), read_name(id)] {
        let filter = LetterFilter { id: Some(id.clone()), ..LetterFilter::default() };
        let Some(listed) = stores.desk.list(&filter, None, 1).await?.pop() else { continue };
        return Ok(stores.letters.letter(&id).await?.map(|filed| (filed, listed.handling)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use testkit::clock::ManualClock;
    use testkit::contract::store::sample::{at, letter as sample};
    use testkit::memory::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn a_group_is_named_by_what_begins_no_other_and_a_letter_as_it_is_shown() {
        let store = Arc::new(MemoryStore::new(Arc::new(ManualClock::default())));
        let stores = Stores::of(store);
        for group in ["abcd1", "abcd2", "xyz00"] {
            stores.letters.file(&sample(group, at(0)), group).await.unwrap();
        }
        let groups = stores.letters.groups(None).await.unwrap();
        let named =
            |name: &str| group_named(&groups, name).map(|group| group.fingerprint.as_str().to_owned());
        assert_eq!(named("xyz0"), Ok("xyz00".to_owned()));
        assert_eq!(named("abcd1"), Ok("abcd1".to_owned()));
        assert_eq!(named("abcd"), Err(GroupError::Several("abcd".to_owned())));
        for short in ["xyz", "a"] {
            assert_eq!(named(short), Err(GroupError::TooShort(short.to_owned())));
        }
        assert!(GroupError::TooShort("89".to_owned()).to_string().contains("first four characters"));
        for none in ["bbbb", "b", "", "xyz000"] {
            assert_eq!(named(none), Err(GroupError::None(none.to_owned())));
        }
        let odd = sample("o\u{1b}dd", at(0));
        stores.letters.file(&odd, "odd").await.unwrap();
        for name in [odd.id.as_str(), &shown_name(odd.id.as_str())] {
            let found = letter(&stores, name).await.unwrap().expect("it is there");
            assert_eq!(found.0.letter.id, odd.id);
        }
        assert!(letter(&stores, "none").await.unwrap().is_none());
    }
}
