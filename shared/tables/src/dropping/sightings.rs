//! When a coin, and each of its names, was seen first and last, without a batch that goes.
//!
//! Only the first and the last fetch are kept. Where one of them was the batch's, the quotes that are left tell the next one:
//! each is dated by the last fetch that had it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

/// A coin as the tables have it, its newest quotes without the batch already.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeenCoin {
    pub(super) id: u32,
    pub(super) first: DateTime<Utc>,
    pub(super) last: DateTime<Utc>,
    /// The newest fetch of its newest quotes; `None` when none is left.
    pub(super) newest: Option<DateTime<Utc>>,
    /// The fetch of the oldest quote that was fetched after the batch, where it is needed.
    pub(super) later: Option<DateTime<Utc>>,
}

/// A symbol, name and slug of a coin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeenIdentity {
    pub(super) coin: u32,
    pub(super) first: DateTime<Utc>,
    pub(super) last: DateTime<Utc>,
}

/// Coins by what an instant of theirs becomes.
type ByInstant = BTreeMap<DateTime<Utc>, Vec<u32>>;

/// What to write. Only instants of the batch are changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Coins that only the batch had.
    pub(super) gone: Vec<u32>,
    pub(super) first: ByInstant,
    pub(super) last: ByInstant,
    /// Of coins: the identities that the batch saw first, or last.
    pub(super) identities_first: ByInstant,
    pub(super) identities_last: ByInstant,
    /// Identities that the batch saw first and last, and that are the only ones of coins that others saw: between its pages. With when
    /// they were seen first and last then.
    pub(super) kept: Vec<(SeenIdentity, DateTime<Utc>, DateTime<Utc>)>,
    /// Coins to which the batch gave an older name back.
    pub(super) reverted: Vec<u32>,
    /// Coins that may be described by another identity than their newest one.
    pub(super) renamed: Vec<u32>,
}

/// What `coins` and their `identities` become without what was fetched at `fetches`.
pub(super) fn changes(
    coins: &[SeenCoin],
    identities: &[SeenIdentity],
    fetches: &BTreeSet<DateTime<Utc>>,
) -> Changes {
    let mut of_coins: BTreeMap<u32, Vec<&SeenIdentity>> = BTreeMap::new();
    for identity in identities {
        of_coins.entry(identity.coin).or_default().push(identity);
    }
    let is_out = |at: &DateTime<Utc>| fetches.contains(at);
    let mut changes = Changes::default();
    for coin in coins {
        let SeenCoin { id, first, last, newest, later } = *coin;
        if is_out(&first) && newest.is_none() {
            changes.gone.push(id);
            continue;
        }
        // Without a quote that is left, only the first sighting is proved.
        let last = if is_out(&last) { newest.unwrap_or(first) } else { last };
        let first = if is_out(&first) { later.unwrap_or(last) } else { first };
        if is_out(&coin.last) {
            changes.last.entry(last).or_default().push(id);
        }
        if is_out(&coin.first) {
            changes.first.entry(first).or_default().push(id);
        }
        let identities = of_coins.remove(&id).unwrap_or_default();
        if identities.iter().all(|it| is_out(&it.first) && is_out(&it.last)) {
            let newest = identities.iter().max_by_key(|it| (it.last, it.first));
            changes.kept.extend(newest.map(|newest| (**newest, later.unwrap_or(last), last)));
        }
        if is_out(&coin.last) && identities.len() > 1 {
            changes.renamed.push(id);
        }
        let others_last = identities.iter().filter(|it| !is_out(&it.last)).map(|it| it.last).max();
        if identities.iter().any(|it| is_out(&it.last) && !is_out(&it.first)) {
            if others_last.is_some_and(|others| others >= last) {
                changes.reverted.push(id);
            } else {
                changes.identities_last.entry(last).or_default().push(id);
            }
        }
        if identities.iter().any(|it| is_out(&it.first) && !is_out(&it.last)) {
            changes.identities_first.entry(later.unwrap_or(last)).or_default().push(id);
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn coin(first: i64, last: i64, newest: Option<i64>, later: Option<i64>) -> SeenCoin {
        SeenCoin { id: 1, first: at(first), last: at(last), newest: newest.map(at), later: later.map(at) }
    }

    /// Of coin 1, without the fetches at 5 and 6.
    fn without(coin: SeenCoin, identities: &[(i64, i64)]) -> Changes {
        let seen = |&(first, last): &(i64, i64)| SeenIdentity { coin: 1, first: at(first), last: at(last) };
        let identities: Vec<_> = identities.iter().map(seen).collect();
        changes(&[coin], &identities, &BTreeSet::from([at(5), at(6)]))
    }

    fn one(seconds: i64) -> ByInstant {
        BTreeMap::from([(at(seconds), vec![1])])
    }

    #[test]
    fn what_others_saw_first_and_last_stays() {
        assert_eq!(without(coin(1, 9, Some(9), None), &[(1, 9)]), Changes::default());
        let gone = Changes { gone: vec![1], ..Changes::default() };
        assert_eq!(without(coin(5, 6, None, None), &[(5, 6)]), gone);
        let last = Changes { last: one(4), identities_last: one(4), ..Changes::default() };
        assert_eq!(without(coin(1, 5, Some(4), None), &[(1, 5)]), last);
        let first = Changes { first: one(7), identities_first: one(7), ..Changes::default() };
        assert_eq!(without(coin(5, 9, Some(9), Some(7)), &[(5, 9)]), first);
    }

    #[test]
    fn a_name_that_only_the_batch_had_or_gave_back_is_not_the_coins() {
        let renamed = Changes { last: one(4), renamed: vec![1], ..Changes::default() };
        assert_eq!(without(coin(1, 5, Some(4), None), &[(1, 4), (5, 5)]), renamed);
        let reverted = Changes { reverted: vec![1], ..renamed };
        assert_eq!(without(coin(1, 5, Some(4), None), &[(1, 5), (2, 4)]), reverted);
        let kept = Changes { identities_first: one(7), ..Changes::default() };
        assert_eq!(without(coin(1, 9, Some(9), Some(7)), &[(1, 4), (5, 9)]), kept);
    }

    /// Its pages were fetched before the other snapshots and after them.
    #[test]
    fn the_only_name_of_a_coin_that_others_saw_between_the_pages_stays() {
        let name = SeenIdentity { coin: 1, first: at(5), last: at(6) };
        let others = DateTime::from_timestamp_millis(5_500).unwrap();
        let coin = SeenCoin { id: 1, first: at(5), last: at(6), newest: Some(others), later: Some(others) };
        let changes = changes(&[coin], &[name], &BTreeSet::from([at(5), at(6)]));
        assert_eq!(changes.kept, [(name, others, others)]);
        assert_eq!(without(SeenCoin { newest: None, ..coin }, &[(5, 6)]).kept, []);
    }

    /// Its quotes are too old for the history, and the newest one was the batch's.
    #[test]
    fn a_coin_without_quotes_that_others_saw_stays() {
        let stays = Changes { last: one(1), identities_last: one(1), ..Changes::default() };
        assert_eq!(without(coin(1, 5, None, None), &[(1, 5)]), stays);
    }
}
