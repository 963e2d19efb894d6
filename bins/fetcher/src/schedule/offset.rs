//! How long after the beginning of a slot it is asked for. Everybody's slots begin at the same instants, and an API that all ask
//! at once is slow for all; so each installation waits a little, always the same.

use std::time::Duration;

use config::Offset;

/// The part of an interval over which installations spread, and the longest.
const PART: u32 = 10;
const LONGEST: Duration = Duration::from_mins(5);

/// The offset that `settings` ask for; one that is spread is `installation`'s own.
pub(crate) fn offset_of(settings: &config::Fetch, installation: &str) -> Duration {
    match settings.offset {
        Offset::After(offset) => offset,
        Offset::Spread => {
            let span = (settings.every / PART).min(LONGEST).as_millis().max(1);
            Duration::from_millis(u64::try_from(u128::from(hash(installation)) % span).unwrap_or_default())
        }
    }
}

/// FNV-1a: the same in every version and on every machine, which the standard library's hashes do not promise.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use config::Config;

    use super::*;

    fn offset(every: u64, installation: &str) -> Duration {
        let every = Duration::from_secs(every);
        offset_of(&config::Fetch { every, ..Config::defaults().fetch }, installation)
    }

    #[test]
    fn the_default_spreads_installations_over_the_beginning_of_the_slot_and_each_is_steady() {
        let hourly: Vec<_> =
            (0..1000).map(|number| offset(3600, &format!("installation {number}"))).collect();
        assert!(hourly.iter().all(|offset| *offset < Duration::from_mins(5)));
        for minute in 0..5 {
            let within = |offset: &&Duration| offset.as_secs() / 60 == minute;
            assert!((120..280).contains(&hourly.iter().filter(within).count()), "minute {minute}");
        }
        assert_eq!(offset(3600, "installation 7"), hourly[7]);
        assert!((0..1000).all(|number| offset(60, &format!("{number}")) < Duration::from_secs(6)));
    }

    #[test]
    fn an_offset_that_is_set_is_everybodys() {
        let offset = Offset::After(Duration::from_secs(90));
        let settings = config::Fetch { offset, ..Config::defaults().fetch };
        assert_eq!(offset_of(&settings, "one"), Duration::from_secs(90));
        assert_eq!(offset_of(&settings, "other"), Duration::from_secs(90));
    }
}
