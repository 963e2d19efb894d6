//! A line of numbers as characters.

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One character for each number, from the lowest to the highest; of equal ones all are in the middle.
pub(super) fn line(numbers: impl Iterator<Item = f64> + Clone) -> String {
    let low = numbers.clone().fold(f64::INFINITY, f64::min);
    let high = numbers.clone().fold(f64::NEG_INFINITY, f64::max);
    // Halved, for the highest number that there is minus the lowest is none.
    let span = high / 2.0 - low / 2.0;
    let level = |number: f64| {
        if span <= 0.0 {
            return LEVELS[3];
        }
        let part = (number / 2.0 - low / 2.0) / span;
        let reached = LEVELS.iter().enumerate().rev().find(|(place, _)| {
            let place = u8::try_from(*place).unwrap_or_default();
            part * 8.0 >= f64::from(place)
        });
        reached.map_or(LEVELS[0], |(_, level)| *level)
    };
    numbers.map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_is_at_the_bottom_and_the_highest_at_the_top() {
        for (numbers, expected) in [
            (&[1.0, 2.0, 3.0][..], "▁▅█"),
            (&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], "▁▂▃▄▅▆▇██"),
            (&[5.0, 5.0], "▄▄"),
            (&[-1e308, 0.0, 1e308], "▁▅█"),
            (&[], ""),
        ] {
            assert_eq!(line(numbers.iter().copied()), expected);
        }
    }
}
