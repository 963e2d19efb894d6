//! What is planned beside what the plan pays for, in words: the two numbers, the day on which the credits run out, and
//! settings that fit.

use std::time::Duration;

use chrono::{DateTime, Datelike, Months, NaiveTime, TimeDelta, Utc};
use domain::{count, counted, timestamp};

use super::Spending;
use crate::collect::client::KeyStatus;

/// Credits a month of CoinMarketCap's free plan (Basic), as their articles say in 2026.
const FREE_PLAN: u64 = 15_000;

/// How a schedule and a plan fit together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The numbers, in one line. `None` when the plan is not known.
    pub plan: Option<String>,
    /// Whether the schedule costs more than the plan has.
    pub is_over: bool,
    /// Why not even one snapshot can be paid for now, and until when.
    pub short: Option<(String, DateTime<Utc>)>,
}

impl Advice {
    /// About `spending` with a key of this `status` at `now`.
    pub fn new(spending: &Spending, status: &KeyStatus, now: DateTime<Utc>) -> Self {
        let next_month = status.resets_at.filter(|at| *at > now).unwrap_or_else(|| next_month(now));
        let spending = &spending.in_month(month_before(next_month));
        let budget = budget(status, spending.days());
        let plan = budget.map(|budget| {
            let of = status.monthly_limit.unwrap_or(budget);
            let mut text = sum(spending, Some(of));
            if let Some(limit) = status.daily_limit {
                text = format!("{text}, {} of {} a day", count(spending.a_day()), count(limit));
            }
            let by_day = status.daily_limit.filter(|limit| spending.a_day() > *limit);
            if let Some(limit) = by_day {
                // The day's end comes before the month's, each day anew.
                let end = time_of_day(spending.lasts(limit));
                text = format!(
                    "{text}: they last each day until about {end} UTC; {}",
                    fitting(spending, budget)
                );
            } else if spending.a_month() > budget {
                // Those of the month that begins next: of this one, many may be gone.
                let end = last_day(spending, budget, next_month);
                text = format!(
                    "{text}: those of the month that begins on {} last until about the {end}; {}",
                    next_month.format("%F"),
                    fitting(spending, budget)
                );
            }
            let left = status.monthly_left.filter(|left| *left >= spending.a_snapshot());
            if let Some(left) = left.filter(|left| lasts(spending, *left) < next_month - now) {
                let end = last_day(spending, left, now);
                text =
                    format!("{text}; the {} that are left of this month until about the {end}", count(left));
            }
            text
        });
        Self {
            plan,
            is_over: budget.is_some_and(|budget| spending.a_month() > budget),
            short: shortage(spending.a_snapshot(), "a snapshot", status, next_month, now),
        }
    }

    /// Why not even `what`, at `cost` credits, can be paid for now with a key of this `status`, and until when.
    pub(super) fn short_of(
        cost: u64,
        what: &str,
        status: &KeyStatus,
        now: DateTime<Utc>,
    ) -> Option<(String, DateTime<Utc>)> {
        let next_month = status.resets_at.filter(|at| *at > now).unwrap_or_else(|| next_month(now));
        shortage(cost, what, status, next_month, now)
    }
}

/// What `spending` costs beside the free plan, for when the key's plan is not known.
pub fn free_plan(spending: &Spending) -> String {
    let sum = sum(spending, None);
    if spending.a_month() > FREE_PLAN {
        format!("{sum}; with {}, such as the free plan's, {}", count(FREE_PLAN), fitting(spending, FREE_PLAN))
    } else {
        format!("{sum}; {}, such as the free plan's, pay for them", count(FREE_PLAN))
    }
}

/// How long the month is that ends at `end`.
fn month_before(end: DateTime<Utc>) -> Duration {
    let begin = end.checked_sub_months(Months::new(1)).unwrap_or(end);
    (end - begin).to_std().unwrap_or_default()
}

fn lasts(spending: &Spending, credits: u64) -> TimeDelta {
    TimeDelta::from_std(spending.lasts(credits)).unwrap_or(TimeDelta::MAX)
}

/// The day on which the last of `credits` is spent, from `begin` on: `25th of December`.
fn last_day(spending: &Spending, credits: u64, begin: DateTime<Utc>) -> String {
    let end = begin
        .checked_add_signed(lasts(spending, credits) - TimeDelta::seconds(1))
        .unwrap_or(DateTime::<Utc>::MAX_UTC);
    format!("{} of {}", ordinal(end.day()), end.format("%B"))
}

/// The time that is so long after midnight: `13:20`.
fn time_of_day(passed: Duration) -> String {
    let minutes = passed.as_secs() / 60;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Credits that may be spent in a month of so many `days`, both limits together.
fn budget(status: &KeyStatus, days: u64) -> Option<u64> {
    let by_days = status.daily_limit.map(|limit| limit.saturating_mul(days));
    match (status.monthly_limit, by_days) {
        (Some(month), Some(days)) => Some(month.min(days)),
        (month, days) => month.or(days),
    }
}

fn sum(spending: &Spending, of: Option<u64>) -> String {
    let of = of.map(|of| format!(" of {}", count(of))).unwrap_or_default();
    let beside = match spending.beside() {
        0 => String::new(),
        beside => format!(" + {} for [market]", count(beside)),
    };
    format!(
        "{} snapshots × {}{beside} = {}{of} credits a month",
        count(spending.snapshots()),
        count(spending.a_snapshot()),
        count(spending.a_month())
    )
}

/// Settings that fit into `budget`.
fn fitting(spending: &Spending, budget: u64) -> String {
    let limit = spending.with_fitting_limit(budget);
    let limit = limit.map(|fits| format!("`fetch.limit = {}` ({})", fits.limit(), count(fits.a_month())));
    let every = spending.with_fitting_interval(budget);
    let every = every.map(|fits| format!("`fetch.every = {}` ({})", fits.interval(), count(fits.a_month())));
    match (limit, every) {
        (Some(limit), Some(every)) => format!("{limit} or {every} fit"),
        (Some(one), None) | (None, Some(one)) => format!("{one} fits"),
        (None, None) if spending.snapshots_alone() <= budget => format!(
            "beside what [market] costs, no setting of [fetch] fits: fetch {} more rarely",
            spending.kinds_beside().join(" and ")
        ),
        (None, None) => "no setting fits; the plan is too small".to_owned(),
    }
}

/// Why the rest of the day or the month does not pay for `what`, which costs so much.
fn shortage(
    cost: u64,
    what: &str,
    status: &KeyStatus,
    next_month: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<(String, DateTime<Utc>)> {
    let short = |left: Option<u64>, period: &str, until: DateTime<Utc>| {
        let left = left.filter(|left| *left < cost)?;
        let until_text = timestamp::to_text(until);
        let reason = format!(
            "{} {} left {period}, and {what} costs {}; there are more from {until_text}",
            counted(left, "credit"),
            if left == 1 { "is" } else { "are" },
            count(cost)
        );
        Some((reason, until))
    };
    let tomorrow = now.date_naive().and_time(NaiveTime::MIN).and_utc() + TimeDelta::days(1);
    let today = status.daily_left.filter(|_| status.daily_limit.is_some());
    short(status.monthly_left, "this month", next_month).or_else(|| short(today, "today", tomorrow))
}

/// When the next UTC calendar month begins.
pub(super) fn next_month(now: DateTime<Utc>) -> DateTime<Utc> {
    let first = now.date_naive().with_day(1).and_then(|day| day.checked_add_months(Months::new(1)));
    first.map_or(now, |day| day.and_time(NaiveTime::MIN).and_utc())
}

/// A day of the month: `1st`, `12th`, `23rd`.
fn ordinal(day: u32) -> String {
    let ending = match (day % 10, day % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{day}{ending}")
}

#[cfg(test)]
mod tests {
    use config::Config;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        timestamp::from_text(text).unwrap()
    }

    fn hourly(limit: u32) -> Spending {
        let every = Duration::from_hours(1);
        let Config { fetch, market, .. } = Config::defaults();
        Spending::of(&config::Fetch { limit, page_size: 5000, every, ..fetch }, &market)
    }

    fn plan(monthly: u64, left: u64) -> KeyStatus {
        KeyStatus {
            monthly_limit: Some(monthly),
            monthly_left: Some(left),
            resets_at: Some(at("2026-12-01T00:00:00Z")),
            ..KeyStatus::default()
        }
    }

    fn advice(limit: u32, status: &KeyStatus) -> Advice {
        Advice::new(&hourly(limit), status, at("2026-11-22T14:00:00Z"))
    }

    #[test]
    fn a_schedule_that_costs_too_much_is_told_with_the_day_and_what_fits() {
        let over = advice(5000, &plan(15_000, 15_000));
        assert_eq!(
            over.plan.as_deref(),
            Some(
                "720 snapshots × 25 = 18,000 of 15,000 credits a month: those of the month that begins on 2026-12-01 last until about the 25th of December; \
                 `fetch.limit = 4000` (14,400) or `fetch.every = 90m` (12,000) fit"
            )
        );
        assert!(over.is_over && over.short.is_none());
        let over = advice(5000, &plan(10_000, 10_000));
        let text = over.plan.unwrap();
        assert!(
            text.contains(
                "about the 17th of December; `fetch.limit = 2600` (9,360) or `fetch.every = 2h` (9,000) fit"
            ),
            "{text}"
        );
        // A plan that is billed on another day.
        let billed = KeyStatus { resets_at: Some(at("2026-12-14T09:00:00Z")), ..plan(15_000, 100) };
        assert!(
            advice(5000, &billed).plan.unwrap().contains("about the 8th of January"),
            "counted from the 14th"
        );
        let fits = advice(4000, &plan(15_000, 15_000));
        assert_eq!(fits.plan.as_deref(), Some("720 snapshots × 20 = 14,400 of 15,000 credits a month"));
        assert!(!fits.is_over);
        let tiny = advice(5000, &plan(10, 10)).plan.unwrap();
        assert!(
            tiny.ends_with("about the 1st of December; no setting fits; the plan is too small"),
            "{tiny}"
        );
    }

    /// The month that is running counts, from the day on which the plan begins anew.
    #[test]
    fn a_month_has_its_own_length_and_its_own_first_day() {
        let told = |resets_at: &str, now: &str| {
            let status = KeyStatus { resets_at: Some(at(resets_at)), ..plan(15_000, 15_000) };
            Advice::new(&hourly(4000), &status, at(now))
        };
        let december = told("2027-01-01T00:00:00Z", "2026-12-05T00:00:00Z");
        assert_eq!(december.plan.as_deref(), Some("744 snapshots × 20 = 14,880 of 15,000 credits a month"));
        let february = told("2027-03-14T09:00:00Z", "2027-02-20T00:00:00Z");
        assert_eq!(february.plan.as_deref(), Some("672 snapshots × 20 = 13,440 of 15,000 credits a month"));
        // Without a day from the API it is the calendar's month.
        let unknown = KeyStatus { monthly_limit: Some(14_500), ..KeyStatus::default() };
        let over = |now| Advice::new(&hourly(4000), &unknown, at(now)).is_over;
        assert_eq!([over("2026-11-22T14:00:00Z"), over("2026-12-22T14:00:00Z")], [false, true]);
    }

    #[test]
    fn what_is_left_of_this_month_is_told_when_it_ends_before_the_month() {
        // 25 an hour on the 22nd at 14:00, with 202 hours to go.
        let left = |credits| advice(5000, &plan(15_000, credits)).plan.unwrap();
        assert!(left(202 * 25).ends_with("fit"), "{}", left(202 * 25));
        assert!(
            left(48 * 25)
                .ends_with("fit; the 1,200 that are left of this month until about the 24th of November")
        );
        // Of less than one snapshot it is told that it does not suffice.
        assert!(left(24).ends_with("fit"), "{}", left(24));
        let fits = advice(4000, &plan(15_000, 100)).plan.unwrap();
        let told =
            "of 15,000 credits a month; the 100 that are left of this month until about the 22nd of November";
        assert!(fits.ends_with(told), "{fits}");
    }

    /// Field case 15.
    #[test]
    fn a_limit_of_the_day_counts_too() {
        let status = KeyStatus { daily_limit: Some(333), daily_left: Some(23), ..plan(10_000, 10_000) };
        let told = advice(5000, &status);
        let text = told.plan.unwrap();
        assert!(
            text.starts_with("720 snapshots × 25 = 18,000 of 10,000 credits a month, 600 of 333 a day: "),
            "{text}"
        );
        // Thirteen snapshots, one each hour from midnight on.
        assert!(
            text.ends_with(
                "600 of 333 a day: they last each day until about 13:19 UTC; `fetch.limit = 2600` (9,360) or `fetch.every = 2h` (9,000) fit"
            ),
            "{text}"
        );
        let (reason, until) = told.short.unwrap();
        assert!(reason.starts_with("23 credits are left today, and a snapshot costs 25"), "{reason}");
        assert_eq!(until, at("2026-11-23T00:00:00Z"));
        // Without a limit the day has no rest.
        let unlimited = KeyStatus { daily_left: Some(0), ..plan(15_000, 15_000) };
        assert_eq!(advice(4000, &unlimited).short, None);
    }

    #[test]
    fn a_month_whose_rest_does_not_pay_for_a_snapshot_says_until_when() {
        assert_eq!(advice(5000, &plan(15_000, 25)).short, None);
        let (reason, until) = advice(5000, &plan(15_000, 24)).short.unwrap();
        assert!(reason.starts_with("24 credits are left this month"), "{reason}");
        assert_eq!(until, at("2026-12-01T00:00:00Z"));
        let (reason, _) = advice(5000, &plan(15_000, 1)).short.unwrap();
        assert!(reason.starts_with("1 credit is left this month, and a snapshot costs 25"), "{reason}");
        let unknown = KeyStatus { resets_at: None, ..plan(15_000, 0) };
        assert_eq!(advice(200, &unknown).short.unwrap().1, at("2026-12-01T00:00:00Z"));
    }

    #[test]
    fn without_a_plan_there_is_no_advice_but_the_free_plans() {
        let none = Advice { plan: None, is_over: false, short: None };
        assert_eq!(advice(5000, &KeyStatus::default()), none);
        assert_eq!(
            free_plan(&hourly(5000)),
            "720 snapshots × 25 = 18,000 credits a month; with 15,000, such as the free plan's, `fetch.limit = 4000` (14,400) or \
             `fetch.every = 90m` (12,000) fit"
        );
        let fits =
            "720 snapshots × 20 = 14,400 credits a month; 15,000, such as the free plan's, pay for them";
        assert_eq!(free_plan(&hourly(4000)), fits);
    }

    #[test]
    fn what_is_fetched_beside_the_listings_is_in_the_sum() {
        let Config { fetch, market, .. } = Config::defaults();
        let market = config::Market { cmc100: config::Every::duration(Duration::from_mins(5)), ..market };
        let spending = Spending::of(&config::Fetch { limit: 4000, ..fetch }, &market);
        let over = Advice::new(&spending, &plan(15_000, 15_000), at("2026-11-22T14:00:00Z")).plan.unwrap();
        let sum = "720 snapshots × 20 + 8,640 for [market] = 23,040 of 15,000 credits a month: ";
        assert!(
            over.starts_with(sum)
                && over.ends_with("`fetch.limit = 1600` (14,400) or `fetch.every = 3h` (13,440) fit"),
            "{over}"
        );
    }

    #[test]
    fn what_costs_too_much_beside_the_listings_is_named() {
        let Config { fetch, market, .. } = Config::defaults();
        let often = config::Every::duration(Duration::from_mins(5));
        let market = config::Market { cmc100: often, global_metrics: often, ..market };
        let spending = Spending::of(&config::Fetch { limit: 200, ..fetch }, &market);
        let over = Advice::new(&spending, &plan(10_000, 10_000), at("2026-11-22T14:00:00Z")).plan.unwrap();
        let told = "beside what [market] costs, no setting of [fetch] fits: fetch global_metrics and cmc100 more rarely";
        assert!(over.ends_with(told), "{over}");
        let tiny = Advice::new(&spending, &plan(10, 10), at("2026-11-22T14:00:00Z")).plan.unwrap();
        assert!(tiny.contains("; no setting fits; the plan is too small; "), "{tiny}");
    }

    #[test]
    fn days_are_written_as_they_are_read() {
        let days: Vec<_> = [1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 30, 31].into_iter().map(ordinal).collect();
        assert_eq!(days.join(" "), "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 23rd 30th 31st");
    }
}
