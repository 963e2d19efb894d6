use domain::{ApiVersion, BatchId, Headers, Slot, timestamp};

use super::super::PageSummary;
use super::super::findings::{verdict, words};
use super::*;
use crate::spool::{Calls, ClaimState, PageRecord};

fn at(minute: i64) -> DateTime<Utc> {
    timestamp::from_text("2026-11-22T14:00:00Z").unwrap() + TimeDelta::minutes(minute)
}

/// Snapshots that are judged one after the other.
struct Market {
    settings: config::Judge,
    limit: u32,
    page_size: u32,
    every: Duration,
    memory: Memory,
}

/// What one answer says.
struct Answer {
    ids: Vec<u32>,
    first_rank: u32,
    factor: f64,
    updated_at: DateTime<Utc>,
    api_time: DateTime<Utc>,
    without: Option<&'static str>,
    /// How many coins there are, where it says something else than the others.
    total: Option<u32>,
}

impl Market {
    fn new(limit: u32, page_size: u32) -> Self {
        let config::Config { judge: settings, fetch, .. } = config::Config::defaults();
        Self { settings, limit, page_size, every: fetch.every, memory: Memory::default() }
    }

    fn order(&self, minute: i64) -> Manifest {
        let (slot, convert) = (Slot::at(at(minute)), vec!["USD".to_owned()]);
        Manifest {
            batch: BatchId::new(slot, "listings", &convert),
            slot,
            endpoint: "listings".to_owned(),
            api_version: ApiVersion::V1,
            convert,
            calls: Calls::One,
            limit: self.limit,
            page_size: self.page_size,
            ids: Vec::new(),
            host: "api".to_owned(),
            pages: None,
            trace: Headers::new(),
            claim: ClaimState::Claimed,
            verdict: None,
        }
    }

    /// The answer at `minute` with the coins `ids`, a minute old.
    fn answer(minute: i64, ids: impl IntoIterator<Item = u32>) -> Answer {
        let ids: Vec<_> = ids.into_iter().collect();
        let first_rank = ids.first().copied().unwrap_or(1);
        let (updated_at, api_time) = (at(minute - 1), at(minute));
        Answer { ids, first_rank, factor: 1.0, updated_at, api_time, without: None, total: None }
    }

    /// Judges the snapshot at `minute`, and remembers it as it would be after a restart.
    fn judge(&mut self, minute: i64, total: Option<u32>, answers: &[Answer]) -> String {
        let order = self.order(minute);
        let read: Vec<_> = (1..)
            .zip(answers)
            .map(|(page, answer)| {
                let record = PageRecord {
                    page,
                    asked: order.range(page).1,
                    rows: u32::try_from(answer.ids.len()).unwrap(),
                    total_count: answer.total.or(total),
                    credits: 1,
                    fetched_at: at(minute),
                    simulated: false,
                };
                (record, PageSummary::read(answer.body().as_bytes(), "USD").unwrap())
            })
            .collect();
        let pages: Vec<_> = read.iter().map(|(record, summary)| Page { record, summary }).collect();
        let Judged { findings, memory } = judge(&order, &pages, &self.memory, &self.settings, self.every);
        self.memory = Memory::from_json(&memory.to_json());
        assert_eq!(self.memory, memory);
        let doubt = verdict(&findings).map_or("sound", |verdict| verdict.doubt.as_str());
        format!("{doubt}: {}", words(&findings))
    }
}

impl Answer {
    fn body(&self) -> String {
        let updated_at = timestamp::to_text(self.updated_at);
        let rows = (self.first_rank..).zip(&self.ids).map(|(rank, id)| {
            let row = format!(
                r#"{{"id":{id},"cmc_rank":{rank},"quote":{{"USD":{{"price":{},"volume_24h":5,"last_updated":"{updated_at}"}}}}}}"#,
                self.factor * f64::from(*id)
            );
            self.without.map_or(row.clone(), |name| row.replace(name, "renamed"))
        });
        let rows: Vec<_> = rows.collect();
        let api_time = timestamp::to_text(self.api_time);
        format!(r#"{{"status":{{"timestamp":"{api_time}"}},"data":[{}]}}"#, rows.join(","))
    }
}

const SOUND: &str = "sound: ";

#[test]
fn a_market_as_usual_is_sound() {
    let mut market = Market::new(200, 100);
    for hour in 0..3 {
        // Ranks move between two calls: a coin is on both pages, another one on none.
        let first = Market::answer(hour * 60, 1..=100);
        let second = Answer { first_rank: 101, ..Market::answer(hour * 60, 100..=199) };
        assert_eq!(market.judge(hour * 60, Some(9000), &[first, second]), SOUND);
    }
    // The API has fewer coins than are asked for.
    let mut market = Market::new(200, 200);
    assert_eq!(market.judge(0, Some(20), &[Market::answer(0, 1..=20)]), SOUND);
    // An example of a few.
    let mut market = Market::new(200, 200);
    let few = Answer { first_rank: 5, ..Market::answer(0, 1..=4) };
    assert_eq!(market.judge(0, Some(4), &[few]), SOUND);
    // It does not say how many there are.
    let mut market = Market::new(200, 200);
    assert_eq!(market.judge(0, None, &[Market::answer(0, 1..=20)]), SOUND);
}

/// Field case 01.
#[test]
fn a_page_that_is_sent_again_is_no_page() {
    let mut market = Market::new(200, 100);
    let page = || Market::answer(0, 1..=100);
    let found = market.judge(0, Some(9000), &[page(), page()]);
    assert_eq!(found, "incomplete: 100 of the 100 coins of page 2 are those of page 1 [page_again]");
    let mut market = Market::new(200, 200);
    let ten = Market::answer(0, 1..=10);
    let found = market.judge(0, Some(9000), &[ten]);
    let short = "page 1 has 10 of the 200 coins that are due [short_listing]";
    let top = "90 of the 100 best ranks are missing; the best that came is 1 [top_missing]";
    assert_eq!(found, format!("incomplete: {short}; {top}"));
}

/// Field case 04, where the API says how many there are, and where it does not.
#[test]
fn a_short_listing_without_the_best_is_incomplete() {
    let mut market = Market::new(200, 200);
    assert_eq!(market.judge(0, Some(9813), &[Market::answer(0, 1..=200)]), SOUND);
    let found = market.judge(60, Some(9813), &[Market::answer(60, 4800..4807)]);
    for part in ["incomplete: page 1 has 7 of the 200", "100 of the 100 best ranks", "best that came is 4800"]
    {
        assert!(found.contains(part), "{part}: {found}");
    }
    assert!(found.contains("7 coins came, and 200 in the snapshot before [fewer_coins]"), "{found}");
    let mut market = Market::new(200, 200);
    assert_eq!(market.judge(0, None, &[Market::answer(0, 1..=200)]), SOUND);
    let found = market.judge(60, None, &[Market::answer(60, 1..=159)]);
    assert_eq!(found, "incomplete: 159 coins came, and 200 in the snapshot before [fewer_coins]");
    // A coin or two come and go; what is asked for now is what counts.
    assert_eq!(market.judge(120, None, &[Market::answer(120, 1..=158)]), SOUND);
    market.limit = 100;
    assert_eq!(market.judge(180, None, &[Market::answer(180, 1..=100)]), SOUND);
}

/// Of a last page with few coins one is much, and of the listing nothing.
#[test]
fn a_coin_that_is_delisted_between_two_calls_is_nothing() {
    let first = || [Market::answer(0, 1..=100), Answer { first_rank: 101, ..Market::answer(0, 101..=200) }];
    let rest = |ids: std::ops::RangeInclusive<u32>, total| {
        let last = Answer { first_rank: 201, total, ..Market::answer(0, ids) };
        first().into_iter().chain([last]).collect::<Vec<_>>()
    };
    let judge = |total, answers: Vec<Answer>| Market::new(300, 100).judge(0, Some(total), &answers);
    assert_eq!(judge(210, rest(201..=209, None)), SOUND);
    assert_eq!(judge(210, rest(201..=209, Some(209))), SOUND);
    #[expect(clippy::reversed_empty_ranges, reason = "no coins")]
    let none = 201..=200;
    assert_eq!(judge(201, rest(none.clone(), Some(200))), SOUND);
    // One that says that there are none, or hardly any, is not believed.
    for total in [0, 150] {
        let found = judge(290, rest(none.clone(), Some(total)));
        assert!(found.starts_with("incomplete: page 3 has no coins"), "{found}");
        let found = judge(290, rest(201..=204, Some(total)));
        assert!(found.starts_with("incomplete: page 3 has 4 of the 90 coins that are due"), "{found}");
    }
}

/// Together they are too few, although each page is full.
#[test]
fn coins_are_counted_once() {
    let mut market = Market::new(400, 100);
    let pages = [1..=100, 91..=190, 181..=280, 271..=370].map(|ids| Market::answer(0, ids));
    let found = market.judge(0, Some(9000), &pages);
    assert_eq!(found, "incomplete: 370 different coins came of the 400 that are due [short_listing]");
}

/// Field case 05.
#[test]
fn no_coins_are_no_market() {
    let mut market = Market::new(200, 200);
    let found = market.judge(0, Some(9813), &[Market::answer(0, [])]);
    let text =
        "page 1 has no coins, and 200 were asked for; the API says that there are 9813 [empty_listing]";
    assert_eq!(found, format!("incomplete: {text}"));
}

/// Field case 02.
#[test]
fn old_quotes_and_quotes_that_stand_still_are_suspect() {
    let mut market = Market::new(20, 20);
    let updated_at = at(-60 * 24 * 450);
    let page = |minute| Answer { updated_at, ..Market::answer(minute, 1..=20) };
    let found = market.judge(0, Some(20), &[page(0)]);
    assert_eq!(found, "suspect: the newest quote is 450 days old [old_quotes]");
    // Within minutes nothing has to move.
    assert!(!market.judge(9, Some(20), &[page(9)]).contains("still_quotes"));
    let found = market.judge(69, Some(20), &[page(69)]);
    let still = "20 of 20 quotes are no newer than in the snapshot 60 min before [still_quotes]";
    assert!(found.ends_with(still), "{found}");
    assert_eq!(market.judge(130, Some(20), &[Market::answer(130, 1..=20)]), SOUND);
}

/// Field case 03: what is right again is not called wrong, and neither is what stays.
#[test]
fn prices_that_jump_are_suspect_until_they_are_back() {
    let mut market = Market::new(20, 20);
    let page = |minute, factor| Answer { factor, ..Market::answer(minute, 1..=20) };
    assert_eq!(market.judge(0, Some(20), &[page(0, 1.0)]), SOUND);
    let glitch = "suspect: 20 of 20 prices moved by a factor of 10 or more; the one in the middle of these is 1.65e7 times as \
                  high as before [price_jump]";
    for hour in 1..3 {
        assert_eq!(market.judge(hour * 60, Some(20), &[page(hour * 60, 16.5e6)]), glitch);
    }
    assert_eq!(market.judge(180, Some(20), &[page(180, 1.002)]), SOUND);
    assert!(market.judge(240, Some(20), &[page(240, 1e-3)]).starts_with("suspect: 20 of 20 prices"));
    assert_eq!(market.judge(240 + 49 * 60, Some(20), &[page(240 + 49 * 60, 1e-3)]), SOUND);
    // A few coins may.
    let mut market = Market::new(20, 20);
    market.settings.jumped = config::Limit::percent(100.0);
    market.judge(0, Some(20), &[page(0, 1.0)]);
    assert_eq!(market.judge(60, Some(20), &[page(60, 100.0)]), SOUND);
}

#[test]
fn a_factor_is_written_with_no_zeros_that_say_nothing() {
    for (factor, written) in [
        (20.000_04, "20"),
        (12.5, "12.5"),
        (100.0, "100"),
        (0.05, "0.05"),
        (16.5e6, "1.65e7"),
        (1e-3, "1.00e-3"),
    ] {
        assert_eq!(rounded(factor), written);
    }
}

/// The first that came was wrong, or the market has moved.
#[test]
fn what_three_snapshots_agree_on_is_the_market() {
    let mut market = Market::new(20, 20);
    let page = |minute, factor| Answer { factor, ..Market::answer(minute, 1..=20) };
    let mut verdicts = |minutes: std::ops::Range<i64>, factor| {
        minutes.map(|hour| market.judge(hour * 60, Some(20), &[page(hour * 60, factor)])).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(0..1, 1e6), [SOUND]);
    let found = verdicts(1..6, 1.0);
    let are_sound: Vec<_> = found.iter().map(|found| found == SOUND).collect();
    assert_eq!(are_sound, [false, false, true, true, true], "{found:?}");
    // Two that disagree with each other, too, agree on nothing.
    for (hour, factor) in (6..).zip([1e3, 1e6, 1e3, 1e6, 1e3]) {
        assert!(verdicts(hour..hour + 1, factor)[0].contains("[price_jump]"), "{hour}");
    }
}

/// However rarely snapshots are taken, two of them are compared.
#[test]
fn prices_are_believed_for_as_long_as_snapshots_are_apart() {
    for (hours, days) in [(1, 2), (24, 2), (7 * 24, 14)] {
        for (late, is_found) in [(0, true), (1, false)] {
            let mut market = Market::new(20, 20);
            market.every = Duration::from_hours(hours);
            market.judge(0, Some(20), &[Market::answer(0, 1..=20)]);
            let minute = days * 24 * 60 + late;
            let found =
                market.judge(minute, Some(20), &[Answer { factor: 50.0, ..Market::answer(minute, 1..=20) }]);
            assert_eq!(found.contains("[price_jump]"), is_found, "{hours} {late}: {found}");
        }
    }
}

/// Field case 21.
#[test]
fn clocks_that_disagree_are_told() {
    let mut market = Market::new(20, 20);
    let page = |api| Answer { api_time: at(api), updated_at: at(api - 1), ..Market::answer(0, 1..=20) };
    let found = market.judge(0, Some(20), &[page(120)]);
    assert_eq!(found, "suspect: the API's clock is 2 h ahead of this machine's [clock]");
    let found = market.judge(60, Some(20), &[page(50)]);
    assert!(
        found.contains("the API's clock is 10 min behind this machine's, or its answer is an old one"),
        "{found}"
    );
    market.settings.clock = Duration::ZERO;
    assert!(!market.judge(120, Some(20), &[page(180)]).contains("clock"));
}

#[test]
fn a_number_that_most_coins_lose_is_named() {
    let mut market = Market::new(20, 20);
    assert_eq!(market.judge(0, Some(20), &[Market::answer(0, 1..=20)]), SOUND);
    let without = |minute| Answer { without: Some("volume_24h"), ..Market::answer(minute, 1..=20) };
    let found = market.judge(60, Some(20), &[without(60)]);
    let text = "numbers that most coins had are gone: volume_24h (0 of 20, 20 of 20 before) [null_column]";
    assert_eq!(found, format!("suspect: {text}"));
    // It is told once.
    assert_eq!(market.judge(120, Some(20), &[without(120)]), SOUND);
}

/// Nobody can hold a snapshot against one of which nothing could be read.
#[test]
fn a_snapshot_without_ids_is_not_remembered() {
    let mut market = Market::new(20, 20);
    assert_eq!(market.judge(0, Some(20), &[Market::answer(0, 1..=20)]), SOUND);
    let unreadable = Answer { without: Some("id"), ..Market::answer(60, 1..=20) };
    let before = market.memory.clone();
    market.judge(60, Some(20), &[unreadable]);
    assert_eq!(market.memory, before);
    let page = Answer { factor: 1e6, ..Market::answer(120, 1..=20) };
    assert!(market.judge(120, Some(20), &[page]).contains("[price_jump]"));
}

/// `judge` sees to it that it is the same after a restart.
#[test]
fn prices_beyond_what_is_remembered_are_left_out() {
    for factor in [1e300, 1e-300] {
        let mut market = Market::new(20, 20);
        market.judge(0, Some(20), &[Answer { factor, ..Market::answer(0, 1..=20) }]);
        assert!(market.memory.newest.is_some(), "{factor}");
    }
}

/// It travels in the note that leaders pass on.
#[test]
fn what_is_remembered_is_small_and_of_the_same_source_only() {
    let mut market = Market::new(5000, 5000);
    let page = |minute, factor| Answer { factor, ..Market::answer(minute, 1..=5000) };
    market.judge(0, Some(9000), &[page(0, 1.000_123)]);
    market.judge(60, Some(9000), &[page(60, 1e9)]);
    assert!(market.memory.believed.is_some());
    let bytes = market.memory.to_json().len();
    assert!(bytes < 24 << 10, "{bytes}");
    let glitch = market.memory.clone();
    assert!(market.judge(120, Some(9000), &[page(120, 1e9)]).contains("[price_jump]"));
    // Judged again after a crash, it is not compared with itself.
    let before = market.memory.newest.clone().unwrap();
    assert!(market.memory.before(&before).is_none());
    let asked = |market: &mut Market| {
        market.memory = glitch.clone();
        market.judge(120, Some(9000), &[page(120, 1e9)])
    };
    let mut other = Market::new(4999, 5000);
    assert_eq!(asked(&mut other), SOUND);
    assert_eq!(Memory::from_json(b"{\"newest\":5}"), Memory::default());
}
