//! What becomes of the quotes of a chunk: the rules of [`Store::load`] about equals and newer ones, once for all
//! stores.
//!
//! [`Store::load`]: ports::Store::load

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use domain::{Chunk, Quote, timestamp};

use ports::Loaded;

/// What `quotes_latest` holds, by coin and currency: the quote and its fetch time. Instants are in whole
/// milliseconds, as tables hold them.
pub type Held = HashMap<(u32, String), (Quote, DateTime<Utc>)>;

/// Takes the quotes of one chunk, in their order, and finds what to write.
#[derive(Debug)]
pub struct Judging {
    held: Held,
    fetched_at: DateTime<Utc>,
    is_rebuild: bool,
    judged: Judged,
}

/// What to write of a chunk, in the order of the tables' keys.
#[derive(Debug, Default)]
pub struct Judged {
    /// The rows of `quotes_latest` to write, all of which win, by coin and currency.
    pub latest: BTreeMap<(u32, String), Quote>,
    /// The rows to offer to `quotes_history`, by coin, currency and `last_updated`: each stays unless one that
    /// was fetched later is there (or at the same time, when the chunk is no rebuild).
    pub history: BTreeMap<(u32, String, DateTime<Utc>), Quote>,
    /// What the quotes count as.
    pub loaded: Loaded,
}

impl Judging {
    /// For the quotes of `chunk`; `held` has what the table holds of their coins.
    pub fn new(chunk: &Chunk, held: Held) -> Self {
        let fetched_at = timestamp::to_millis(chunk.page.fetched_at);
        Self { held, fetched_at, is_rebuild: chunk.is_rebuild(), judged: Judged::default() }
    }

    /// Takes the next quote, as the tables hold it. When a chunk repeats a quote, the first of equals stays:
    /// they have one fetch time.
    pub fn take(&mut self, coin_id: u32, quote: Quote) {
        let key = (coin_id, quote.currency.clone());
        let ties =
            if self.is_rebuild && !self.judged.latest.contains_key(&key) { Ties::Win } else { Ties::Lose };
        let held = self.held.get(&key).map(|(quote, fetched_at)| (quote, *fetched_at));
        let Judgement { wins, verdict } = judge(held, &quote, self.fetched_at, ties);
        match verdict {
            Verdict::Written => self.judged.loaded.written += 1,
            Verdict::Unchanged => self.judged.loaded.unchanged += 1,
            Verdict::Stale => self.judged.loaded.stale += 1,
        }
        let history = (coin_id, quote.currency.clone(), quote.last_updated);
        self.judged.history.entry(history).or_insert_with(|| quote.clone());
        let loaded = &mut self.judged.loaded;
        loaded.newest_quote_at = loaded.newest_quote_at.max(Some(quote.last_updated));
        if wins {
            loaded.newest_fetch_at = Some(self.fetched_at);
            self.judged.latest.insert(key.clone(), quote.clone());
            self.held.insert(key, (quote, self.fetched_at));
        }
    }

    /// What to write.
    pub fn judged(self) -> Judged {
        self.judged
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Judgement {
    /// Whether the quote takes the place of the one held.
    wins: bool,
    /// What it counts as.
    verdict: Verdict,
}

/// Whether a quote takes the place of one with the same `last_updated` and fetch time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ties {
    Lose,
    Win,
}

/// What a quote counts as in [`Loaded`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// New, or other numbers than what is held.
    Written,
    /// What is held already.
    Unchanged,
    /// Older than what is held.
    Stale,
}

fn judge(
    held: Option<(&Quote, DateTime<Utc>)>,
    quote: &Quote,
    fetched_at: DateTime<Utc>,
    ties: Ties,
) -> Judgement {
    let Some((held, held_fetched_at)) = held else {
        return Judgement { wins: true, verdict: Verdict::Written };
    };
    let (new, old) = ((quote.last_updated, fetched_at), (held.last_updated, held_fetched_at));
    let wins = new > old || new == old && ties == Ties::Win;
    let verdict = if quote.last_updated < held.last_updated {
        Verdict::Stale
    } else if wins && !(quote.last_updated == held.last_updated && quote.has_numbers_of(held)) {
        Verdict::Written
    } else {
        Verdict::Unchanged
    };
    Judgement { wins, verdict }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Stale, Unchanged, Written};
    use super::*;
    use testkit::contract::store::sample::{at, quote};

    #[test]
    fn newer_wins_and_only_other_numbers_are_written() {
        let held = quote("USD", 1.0, at(10));
        let check = |price, last_updated, fetched_at, wins, verdict| {
            let quote = quote("USD", price, at(last_updated));
            let judged = judge(Some((&held, at(20))), &quote, at(fetched_at), Ties::Lose);
            assert_eq!(judged, Judgement { wins, verdict }, "{price} {last_updated} {fetched_at}");
            if (last_updated, fetched_at) != (10, 20) {
                let rebuilt = judge(Some((&held, at(20))), &quote, at(fetched_at), Ties::Win);
                assert_eq!(rebuilt, judged, "{price} {last_updated} {fetched_at}");
            }
        };
        check(1.0, 11, 5, true, Written);
        check(2.0, 10, 21, true, Written);
        check(1.0, 10, 21, true, Unchanged);
        check(1.0, 10, 20, false, Unchanged);
        check(2.0, 10, 20, false, Unchanged);
        check(2.0, 10, 19, false, Unchanged);
        check(2.0, 9, 30, false, Stale);
        let first = judge(None, &held, at(0), Ties::Lose);
        assert_eq!(first, Judgement { wins: true, verdict: Written });
        let rebuilt = |price| judge(Some((&held, at(20))), &quote("USD", price, at(10)), at(20), Ties::Win);
        assert_eq!(rebuilt(2.0), Judgement { wins: true, verdict: Written });
        assert_eq!(rebuilt(1.0), Judgement { wins: true, verdict: Unchanged });
    }

    #[test]
    fn numbers_are_compared_by_their_bits_and_null_is_not_missing() {
        let held = quote("USD", 0.1 + 0.2, at(10));
        let last_bit = quote("USD", 0.3, at(10));
        assert_eq!(judge(Some((&held, at(1))), &last_bit, at(2), Ties::Lose).verdict, Written);
        let mut missing = held.clone();
        missing.missing.insert(domain::Measure::MaxSupply);
        assert_eq!(judge(Some((&held, at(1))), &missing, at(2), Ties::Lose).verdict, Written);
    }
}
