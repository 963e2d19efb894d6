//! The number of a token: which of two counts, and which comes next.
//!
//! Anybody who may publish can forge one. So there must be no last number, after which no token of a leader would count:
//! after the greatest term comes term 0, and of two terms the later is the one that is fewer steps ahead of the other.

use domain::Headers;

const TERM: &str = "x-leader-term";
const PLACE: &str = "x-leader-place";

/// The number of a term, and of a token's place in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Number {
    term: u64,
    place: u64,
}

/// The greatest number of a term or a place. At one a millisecond it takes 8,900 years to get there; only a forged token
/// is quicker. It is even, so that of any two terms exactly one is the later.
const GREATEST: u64 = 1 << 48;

impl Number {
    /// The number in `headers`, when it is valid. The numbers that follow a valid one are valid too.
    pub(super) fn read(headers: &Headers) -> Option<Self> {
        let parse = |name| headers.get(name)?.parse().ok().filter(|number| *number <= GREATEST);
        Some(Self { term: parse(TERM)?, place: parse(PLACE)? })
    }

    /// Adds to `headers` what [`read`](Self::read) reads.
    pub(super) fn write(self, headers: Headers) -> Headers {
        headers.with(TERM, self.term).with(PLACE, self.place)
    }

    /// Whether a token of this number counts more than one of the number `other`.
    pub(super) fn is_after(self, other: Self) -> bool {
        if self.term == other.term {
            return self.place > other.place;
        }
        let (ours, theirs) = (self.term, other.term);
        let ahead = if ours > theirs { ours - theirs } else { GREATEST + 1 - (theirs - ours) };
        ahead <= GREATEST / 2
    }

    /// The number before the first of the term that follows one with a token of this number.
    pub(super) fn next_term(self) -> Self {
        Self { term: if self.term < GREATEST { self.term + 1 } else { 0 }, place: 0 }
    }

    /// The number of the next token of the term, or of the next term when this one has no more places.
    pub(super) fn next(self) -> Self {
        let before = if self.place < GREATEST { self } else { self.next_term() };
        Self { place: before.place + 1, ..before }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(term: &str, place: &str) -> Option<Number> {
        Number::read(&Headers::new().with(TERM, term).with(PLACE, place))
    }

    #[test]
    fn numbers_that_make_no_sense_are_none() {
        let greatest = GREATEST.to_string();
        assert_eq!(read("7", "3"), Some(Number { term: 7, place: 3 }));
        assert!(read(&greatest, &greatest).is_some());
        for forged in ["18446744073709551615", "18446744073709551616", "-1", "281474976710657", "", "one"] {
            assert_eq!((read(forged, "1"), read("1", forged)), (None, None), "{forged}");
        }
    }

    /// Anything that can be read; often near an edge.
    fn half() -> impl Strategy<Value = u64> {
        let middle = GREATEST / 2;
        prop_oneof![0..=3_u64, middle - 3..=middle + 3, GREATEST - 3..=GREATEST, 0..=GREATEST]
    }

    fn any_number() -> impl Strategy<Value = Number> {
        (half(), half()).prop_map(|(term, place)| Number { term, place })
    }

    /// What a leader writes behind what it found counts more, and is not nonsense to itself or to its successor.
    fn is_followed(found: Number) {
        let mut before = found;
        let mut number = found.next_term();
        for _ in 0..5 {
            number = number.next();
            assert_eq!(Number::read(&number.write(Headers::new())), Some(number), "after {found:?}");
            assert!(number.is_after(before) && !before.is_after(number), "{number:?} after {before:?}");
            assert!(number.is_after(found), "{number:?} after {found:?}");
            before = number;
        }
    }

    #[test]
    fn the_next_term_is_greater_whatever_was_found() {
        for (term, place) in [(0, 0), (7, 3), (GREATEST - 1, GREATEST), (GREATEST, 0), (GREATEST, GREATEST)] {
            is_followed(Number { term, place });
        }
        assert_eq!(Number::default().next_term(), Number { term: 1, place: 0 });
    }

    /// The greatest number is just before the first: it does not beat what leaders have written.
    #[test]
    fn an_ordinary_token_counts_more_than_one_with_the_greatest_number() {
        let greatest = Number { term: GREATEST, place: GREATEST };
        assert!(Number { term: 7, place: 3 }.is_after(greatest));
    }

    proptest! {
        #[test]
        fn the_next_term_is_greater_than_any(found in any_number()) {
            is_followed(found);
        }

        #[test]
        fn the_next_number_is_greater_than_any_and_can_be_read(number in any_number()) {
            let next = number.next();
            prop_assert_eq!(Number::read(&next.write(Headers::new())), Some(next));
            prop_assert!(next.is_after(number) && !number.is_after(next), "{:?}", next);
        }

        #[test]
        fn of_two_numbers_one_counts(one in any_number(), other in any_number()) {
            prop_assert_eq!(one.is_after(other), one != other && !other.is_after(one));
        }
    }
}
