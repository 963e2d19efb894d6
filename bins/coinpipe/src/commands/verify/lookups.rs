//! How quotes are looked up that were made at many instants: whole stretches of time where they are close together, single instants
//! where they are not. Never a question for each.

/// Instants with a longer distance, in milliseconds, are not read together: what lies between is of others.
const GAP: i64 = 10 * 60 * 1000;

/// The longest stretch that is read at once, in milliseconds.
const STRETCH: i64 = 6 * 60 * 60 * 1000;

/// So few instants close together are looked up one by one.
const FEW: usize = 4;

/// What to read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lookups {
    /// From the first to before the second.
    pub(super) stretches: Vec<(i64, i64)>,
    pub(super) instants: Vec<i64>,
}

/// For quotes of these `instants`, in milliseconds, sorted and distinct.
pub(super) fn lookups(instants: &[i64]) -> Lookups {
    let mut lookups = Lookups::default();
    for together in instants.chunk_by(|one, next| next - one <= GAP) {
        if together.len() <= FEW {
            lookups.instants.extend(together);
            continue;
        }
        let mut rest = together;
        while let Some(first) = rest.first() {
            let (stretch, after) = rest.split_at(rest.partition_point(|at| at - first < STRETCH));
            lookups.stretches.push((*first, stretch.last().unwrap_or(first) + 1));
            rest = after;
        }
    }
    lookups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_close_together_is_read_together_and_no_longer_than_a_stretch() {
        let minutes = |range: std::ops::Range<i64>| range.map(|minute| minute * 60_000);
        let instants: Vec<_> =
            [-9, 5].into_iter().chain(minutes(100..110)).chain(minutes(200..1000)).collect();
        let lookups = lookups(&instants);
        assert_eq!(lookups.instants, [-9, 5]);
        assert_eq!(
            lookups.stretches,
            [
                (100 * 60_000, 109 * 60_000 + 1),
                (200 * 60_000, 559 * 60_000 + 1),
                (560 * 60_000, 919 * 60_000 + 1),
                (920 * 60_000, 999 * 60_000 + 1),
            ]
        );
        assert_eq!(super::lookups(&[]), Lookups::default());
    }
}
