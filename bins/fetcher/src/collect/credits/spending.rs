//! What snapshots cost, by the API's price list: one credit for every 200 coins begun, or 100 that are asked for by their ids, and
//! one for every currency after the first, a page; at least one. Where each currency has pages of its own, each costs as the first.

use std::time::Duration;

use config::ConvertCalls;
use domain::MarketKind;

use super::beside::Beside;

/// A month of a plan of which nothing is known: 30 days.
const MONTH: Duration = Duration::from_hours(30 * 24);
const DAY: Duration = Duration::from_hours(24);
/// Into so many parts a credit is divided, for what is not whole in a slot.
const PARTS: u128 = 1 << 20;
/// Coins that one credit pays for.
const COINS_A_CREDIT: u32 = 200;
/// The same when they are asked for by their ids, which is as many as one request asks for.
const IDS_A_CREDIT: u32 = 100;
/// As many coins are listed, about, as far as nothing newer is known. More are not paid for: a page that is not there is not asked for.
const COINS_LISTED: u32 = 10_000;

/// Intervals that people set, in minutes: those that a day, or two weeks, can be divided into.
const INTERVALS: [u64; 20] =
    [2, 3, 5, 10, 15, 20, 30, 60, 90, 120, 180, 240, 360, 480, 720, 1440, 2880, 5760, 10_080, 20_160];

/// What is asked for, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spending {
    limit: u32,
    listed: u32,
    page_size: u32,
    coins_a_credit: u32,
    currencies: u32,
    /// Whether each currency is asked for alone.
    parted: bool,
    every: Duration,
    month: Duration,
    beside: Beside,
}

impl Spending {
    /// As `settings` say, and `market` about what is fetched beside the listings.
    pub fn of(settings: &config::Fetch, market: &config::Market) -> Self {
        let ids = u32::try_from(settings.ids.len()).unwrap_or(u32::MAX);
        let by_rank = (settings.limit, settings.page_size.max(1), COINS_A_CREDIT);
        let by_id = (ids, IDS_A_CREDIT, IDS_A_CREDIT);
        let (limit, page_size, coins_a_credit) = if ids == 0 { by_rank } else { by_id };
        let currencies = u32::try_from(settings.convert.len()).unwrap_or(u32::MAX);
        Self {
            limit,
            listed: COINS_LISTED,
            page_size,
            coins_a_credit,
            currencies,
            parted: settings.convert_calls == ConvertCalls::Each,
            every: settings.every.max(Duration::from_secs(1)),
            month: MONTH,
            beside: Beside::of(market, currencies),
        }
    }

    /// The same in a month that is so long.
    #[must_use]
    pub(super) fn in_month(self, month: Duration) -> Self {
        Self { month: month.max(DAY), ..self }
    }

    /// The same when each currency is asked for alone.
    #[must_use]
    pub(super) fn parted(self) -> Self {
        Self { parted: true, ..self }
    }

    /// The same when there are `listed` coins in all.
    #[must_use]
    pub(super) fn of_listed(self, listed: u32) -> Self {
        Self { listed, ..self }
    }

    /// Credits that a snapshot costs: of as many coins as are asked for, or of all that there are.
    pub fn a_snapshot(&self) -> u64 {
        let coins = self.limit.min(self.listed);
        let (full, rest) = (coins / self.page_size, coins % self.page_size);
        let rest = if rest > 0 || full == 0 { self.a_page(rest) } else { 0 };
        u64::from(full) * self.a_page(self.page_size) + rest
    }

    /// Credits that so many `coins`, as many as a page has, cost in all currencies.
    pub(super) fn a_page(&self, coins: u32) -> u64 {
        let (coins, currencies) =
            (u64::from(coins.div_ceil(self.coins_a_credit).max(1)), u64::from(self.currencies.max(1)));
        if self.parted { coins * currencies } else { coins + currencies - 1 }
    }

    /// Snapshots in a month; of 30 days, when nothing else was said.
    pub fn snapshots(&self) -> u64 {
        (self.month.as_secs() / self.every.as_secs()).max(1)
    }

    /// Credits that the month costs of what is fetched beside the listings.
    pub(super) fn beside(&self) -> u64 {
        self.beside.credits(|every| self.month.as_secs() / every.as_secs())
    }

    /// Credits that the snapshots of the month cost.
    pub(super) fn snapshots_alone(&self) -> u64 {
        self.snapshots().saturating_mul(self.a_snapshot())
    }

    /// The settings of what is fetched beside the listings and costs something.
    pub(super) fn kinds_beside(&self) -> Vec<&'static str> {
        self.beside.settings()
    }

    /// Credits that a batch of `kind` costs.
    pub(super) fn a_batch(&self, kind: MarketKind) -> u64 {
        kind.batch_credits(self.currencies).into()
    }

    /// Parts of credits that a snapshot costs, and what is fetched beside it until the next.
    fn a_slot(&self) -> u128 {
        u128::from(self.a_snapshot()) * PARTS + self.beside.parts_of_credits(self.every, PARTS)
    }

    /// Credits that the month costs.
    pub fn a_month(&self) -> u64 {
        self.snapshots().saturating_mul(self.a_snapshot()).saturating_add(self.beside())
    }

    /// Days in the month, as far as they are whole.
    pub(super) fn days(&self) -> u64 {
        self.month.as_secs() / DAY.as_secs()
    }

    /// Credits that a day costs, rounded up.
    pub fn a_day(&self) -> u64 {
        let parts = self.a_slot().saturating_mul(DAY.as_millis());
        u64::try_from(parts.div_ceil(self.every.as_millis().max(1) * PARTS)).unwrap_or(u64::MAX)
    }

    /// Credits that the snapshots cost which are due within `time`, and what is due beside them.
    pub(super) fn within(&self, time: Duration) -> u64 {
        let due = |every: Duration| {
            u64::try_from(time.as_millis().div_ceil(every.as_millis().max(1))).unwrap_or(u64::MAX)
        };
        due(self.every).saturating_mul(self.a_snapshot()).saturating_add(self.beside.credits(due))
    }

    /// How long `credits` last.
    pub fn lasts(&self, credits: u64) -> Duration {
        let parts = u128::from(credits).saturating_mul(self.every.as_millis()).saturating_mul(PARTS);
        let millis = parts / self.a_slot().max(PARTS);
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// The most coins, in whole credits, of which a month fits into `budget`. Of those that are asked for by their ids all are
    /// wanted.
    pub(super) fn with_fitting_limit(self, budget: u64) -> Option<Self> {
        if self.coins_a_credit != COINS_A_CREDIT {
            return None;
        }
        let with = |credits: u32| Self { limit: credits * COINS_A_CREDIT, ..self };
        let (mut fits, mut too_much) = (0, self.limit.min(self.listed) / COINS_A_CREDIT + 1);
        while too_much - fits > 1 {
            let middle = fits.midpoint(too_much);
            if with(middle).a_month() <= budget { fits = middle } else { too_much = middle }
        }
        (fits > 0).then(|| with(fits))
    }

    /// The shortest interval that is longer, and of which a month fits into `budget`.
    pub(super) fn with_fitting_interval(self, budget: u64) -> Option<Self> {
        let longer = INTERVALS.into_iter().map(Duration::from_mins).filter(|every| *every > self.every);
        longer.map(|every| Self { every, ..self }).find(|spending| spending.a_month() <= budget)
    }

    /// How many coins.
    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    /// How often, as the setting is written.
    pub(super) fn interval(&self) -> String {
        let seconds = self.every.as_secs();
        match (seconds % 3600, seconds % 60) {
            (0, _) => format!("{}h", seconds / 3600),
            (_, 0) => format!("{}m", seconds / 60),
            _ => format!("{seconds}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn spending(limit: u32, page_size: u32, currencies: u32, minutes: u64) -> Spending {
        Spending {
            limit,
            listed: u32::MAX,
            page_size,
            coins_a_credit: COINS_A_CREDIT,
            currencies,
            parted: false,
            every: Duration::from_mins(minutes),
            month: MONTH,
            beside: Beside::default(),
        }
    }

    #[test]
    fn a_snapshot_costs_what_the_api_takes_for_its_pages() {
        for (limit, page_size, currencies, credits) in [
            (1, 5000, 1, 1),
            (200, 5000, 1, 1),
            (201, 5000, 1, 2),
            (5000, 5000, 1, 25),
            (5000, 5000, 3, 27),
            (5000, 1000, 3, 5 * 7),
            (250, 100, 2, 3 * 2),
            (9800, 5000, 1, 49),
            (u32::MAX, 1, 1, u64::from(u32::MAX)),
        ] {
            assert_eq!(
                spending(limit, page_size, currencies, 60).a_snapshot(),
                credits,
                "{limit} {page_size} {currencies}"
            );
        }
    }

    #[test]
    fn coins_that_do_not_exist_cost_nothing() {
        let config::Config { fetch, market, .. } = config::Config::defaults();
        let planned =
            |limit| Spending::of(&config::Fetch { limit, page_size: 5000, ..fetch.clone() }, &market);
        assert_eq!((planned(5000).a_snapshot(), planned(20_000).a_snapshot()), (25, 50));
        let known = planned(20_000).of_listed(9800);
        assert_eq!((known.a_snapshot(), known.with_fitting_limit(14_400).unwrap().limit()), (49, 4000));
        // There may be more than anybody thought.
        assert_eq!(planned(20_000).of_listed(12_000).a_snapshot(), 60);
        assert_eq!(planned(200).of_listed(12_000).a_snapshot(), 1);
    }

    #[test]
    fn what_is_fetched_beside_the_listings_is_paid_for_too() {
        let config::Config { fetch, .. } = config::Config::defaults();
        let every = |minutes| config::Every::duration(Duration::from_mins(minutes));
        let market = config::Market {
            map: every(1440),
            global_metrics: every(60),
            fear_and_greed: config::Every::default(),
            cmc100: every(5),
        };
        let convert = vec!["USD".to_owned(), "EUR".to_owned()];
        let spending = Spending::of(&config::Fetch { limit: 200, convert, ..fetch }, &market);
        // The map costs nothing, the metrics two currencies an hour, the index one each five minutes.
        let beside = 720 * 2 + 8640;
        assert_eq!((spending.beside(), spending.a_month()), (beside, 720 * 2 + beside));
        assert_eq!(spending.with_fitting_limit(beside), None, "no snapshot fits beside it");
        let february = spending.in_month(DAY * 28);
        assert_eq!((february.beside(), february.a_month()), (672 * 2 + 8064, 672 * 4 + 8064));
        // An hour costs two for the snapshot, two for the metrics, twelve for the index.
        assert_eq!((spending.a_day(), spending.lasts(16 * 24)), (16 * 24, DAY));
        assert_eq!(spending.within(Duration::from_mins(6)), 2 + 2 + 2);
    }

    #[test]
    fn snapshots_that_are_due_are_counted_whole() {
        let hourly = spending(5000, 5000, 1, 60);
        for (minutes, credits) in [(0, 0), (1, 25), (60, 25), (61, 50), (24 * 60, 600)] {
            assert_eq!(hourly.within(Duration::from_mins(minutes)), credits, "{minutes}");
        }
    }

    #[test]
    fn a_month_has_thirty_days() {
        let hourly = spending(5000, 5000, 1, 60);
        assert_eq!((hourly.snapshots(), hourly.a_month(), hourly.a_day()), (720, 18_000, 600));
        assert_eq!(hourly.lasts(15_000), Duration::from_hours(25 * 24));
        assert_eq!(spending(200, 5000, 1, 60 * 24 * 90).snapshots(), 1);
    }

    #[test]
    fn a_month_that_is_known_has_as_many_days_as_it_has() {
        let hourly = |days| spending(4000, 5000, 1, 60).in_month(DAY * days);
        assert_eq!((hourly(31).snapshots(), hourly(31).a_month(), hourly(31).days()), (744, 14_880, 31));
        assert_eq!((hourly(28).snapshots(), hourly(28).a_month()), (672, 13_440));
        // What a day costs, and how long credits last, does not depend on it.
        assert_eq!((hourly(28).a_day(), hourly(28).lasts(480)), (480, DAY));
        assert_eq!((hourly(31).a_day(), hourly(31).lasts(480)), (480, DAY));
        let fits = spending(5000, 5000, 1, 60).in_month(DAY * 31).with_fitting_limit(14_400);
        assert_eq!(fits.map(|fits| (fits.limit(), fits.a_month())), Some((3800, 14_136)));
    }

    #[test]
    fn settings_that_fit_are_the_largest_that_do() {
        let fits = |spending: Spending, budget| {
            let limit = spending.with_fitting_limit(budget).map(|found| (found.limit(), found.a_month()));
            let every =
                spending.with_fitting_interval(budget).map(|found| (found.interval(), found.a_month()));
            (limit, every)
        };
        let hourly = spending(5000, 5000, 1, 60);
        assert_eq!(fits(hourly, 15_000), (Some((4000, 14_400)), Some(("90m".to_owned(), 12_000))));
        assert_eq!(fits(hourly, 10_000), (Some((2600, 9360)), Some(("2h".to_owned(), 9000))));
        assert_eq!(fits(hourly, 719), (None, Some(("48h".to_owned(), 375))));
        assert_eq!(fits(hourly, 10), (None, None));
        // Small pages in several currencies cost more than their coins.
        assert_eq!(fits(spending(1000, 200, 2, 60), 5000).0, Some((600, 4320)));
        assert_eq!(fits(spending(u32::MAX, 5000, 1, 60), 15_000).0, Some((4000, 14_400)));
        assert_eq!(fits(spending(100, 5000, 1, 1), 15_000), (None, Some(("3m".to_owned(), 14_400))));
    }
}
