//! How a quote fares against the one that `quotes_latest` holds: the rule of [`Store::load`], once for all
//! stores.
//!
//! [`Store::load`]: crate::Store::load

use chrono::{DateTime, Utc};
use domain::Quote;

use crate::store::Loaded;

/// What [`judge`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether the quote takes the place of the one held.
    pub wins: bool,
    /// What it counts as.
    pub verdict: Verdict,
}

/// What a quote counts as in [`Loaded`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// New, or other numbers than what is held.
    Written,
    /// What is held already.
    Unchanged,
    /// Older than what is held.
    Stale,
}

/// Judges `quote`, fetched at `fetched_at`, against what is held: a quote of the same coin and currency and
/// its fetch time. Instants are in whole milliseconds, as tables hold them.
pub fn judge(held: Option<(&Quote, DateTime<Utc>)>, quote: &Quote, fetched_at: DateTime<Utc>) -> Judgement {
    let Some((held, held_fetched_at)) = held else {
        return Judgement { wins: true, verdict: Verdict::Written };
    };
    let wins = (quote.last_updated, fetched_at) > (held.last_updated, held_fetched_at);
    let verdict = if quote.last_updated < held.last_updated {
        Verdict::Stale
    } else if wins && !(quote.last_updated == held.last_updated && quote.has_numbers_of(held)) {
        Verdict::Written
    } else {
        Verdict::Unchanged
    };
    Judgement { wins, verdict }
}

impl Loaded {
    /// Counts a quote.
    pub fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Written => self.written += 1,
            Verdict::Unchanged => self.unchanged += 1,
            Verdict::Stale => self.stale += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Stale, Unchanged, Written};
    use super::*;
    use crate::contract::store::sample::{at, quote};

    #[test]
    fn newer_wins_and_only_other_numbers_are_written() {
        let held = quote("USD", 1.0, at(10));
        let check = |price, last_updated, fetched_at, wins, verdict| {
            let judged = judge(Some((&held, at(20))), &quote("USD", price, at(last_updated)), at(fetched_at));
            assert_eq!(judged, Judgement { wins, verdict }, "{price} {last_updated} {fetched_at}");
        };
        check(1.0, 11, 5, true, Written);
        check(2.0, 10, 21, true, Written);
        check(1.0, 10, 21, true, Unchanged);
        check(1.0, 10, 20, false, Unchanged);
        check(2.0, 10, 20, false, Unchanged);
        check(2.0, 10, 19, false, Unchanged);
        check(2.0, 9, 30, false, Stale);
        assert_eq!(judge(None, &held, at(0)), Judgement { wins: true, verdict: Written });
    }

    #[test]
    fn numbers_are_compared_by_their_bits_and_null_is_not_missing() {
        let held = quote("USD", 0.1 + 0.2, at(10));
        let last_bit = quote("USD", 0.3, at(10));
        assert_eq!(judge(Some((&held, at(1))), &last_bit, at(2)).verdict, Written);
        let mut missing = held.clone();
        missing.missing.insert(domain::Measure::MaxSupply);
        assert_eq!(judge(Some((&held, at(1))), &missing, at(2)).verdict, Written);
    }
}
