//! What snapshots cost, by the API's price list: one credit for every 200 coins begun and one for every currency after the
//! first, a page; at least one.

use std::time::Duration;

use domain::MarketKind;

use crate::subject::interval;

/// A month of a plan, for sums: 30 days.
pub(super) const MONTH: Duration = Duration::from_hours(30 * 24);
/// Coins that one credit pays for.
const COINS_A_CREDIT: u32 = 200;
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
    currencies: u32,
    every: Duration,
    /// Credits that a month of what is fetched beside the listings costs.
    beside: u64,
}

impl Spending {
    /// As `settings` say, and `market` about what is fetched beside the listings.
    pub fn of(settings: &config::Fetch, market: &config::Market) -> Self {
        let currencies = u32::try_from(settings.convert.len()).unwrap_or(u32::MAX);
        let of_kind = |kind: MarketKind| {
            let every = interval(market, kind)?.max(Duration::from_secs(1));
            Some(MONTH.as_secs() / every.as_secs() * u64::from(kind.batch_credits(currencies)))
        };
        Self {
            limit: settings.limit,
            listed: COINS_LISTED,
            page_size: settings.page_size.max(1),
            currencies,
            every: settings.every.max(Duration::from_secs(1)),
            beside: MarketKind::ALL.into_iter().filter_map(of_kind).sum(),
        }
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

    /// Credits that a page of so many `coins` costs.
    pub(super) fn a_page(&self, coins: u32) -> u64 {
        u64::from(coins.div_ceil(COINS_A_CREDIT).max(1)) + u64::from(self.currencies.max(1) - 1)
    }

    /// Snapshots in a month of 30 days.
    pub fn snapshots(&self) -> u64 {
        (MONTH.as_secs() / self.every.as_secs()).max(1)
    }

    /// Credits that a month of what is fetched beside the listings costs.
    pub(super) fn beside(&self) -> u64 {
        self.beside
    }

    /// Credits that a batch of `kind` costs.
    pub(super) fn a_batch(&self, kind: MarketKind) -> u64 {
        kind.batch_credits(self.currencies).into()
    }

    /// Credits that a month of 30 days costs.
    pub fn a_month(&self) -> u64 {
        self.snapshots().saturating_mul(self.a_snapshot()).saturating_add(self.beside)
    }

    /// Credits that a day costs, rounded up.
    pub fn a_day(&self) -> u64 {
        self.a_month().div_ceil(30)
    }

    /// How long `credits` last.
    pub fn lasts(&self, credits: u64) -> Duration {
        let millis = u128::from(credits) * MONTH.as_millis() / u128::from(self.a_month().max(1));
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// The most coins, in whole credits, of which a month fits into `budget`.
    pub(super) fn with_fitting_limit(self, budget: u64) -> Option<Self> {
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
            currencies,
            every: Duration::from_mins(minutes),
            beside: 0,
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
    }

    #[test]
    fn a_month_has_thirty_days() {
        let hourly = spending(5000, 5000, 1, 60);
        assert_eq!((hourly.snapshots(), hourly.a_month(), hourly.a_day()), (720, 18_000, 600));
        assert_eq!(hourly.lasts(15_000), Duration::from_hours(25 * 24));
        assert_eq!(spending(200, 5000, 1, 60 * 24 * 90).snapshots(), 1);
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
