//! The checks of a whole snapshot: what its pages are together, and beside the snapshots before it.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Measure;

use super::memory::{Memory, Pair, Remembered};
use super::page_checks::{findings_of_page, ids};
use super::{Check, Finding, Page};
use crate::spool::Manifest;

/// Coins that two snapshots must have in common to be compared.
const LEAST_COINS: usize = 10;
/// Quotes may stand still for a shorter time; the API renews them every minute.
const STILL_AFTER: TimeDelta = TimeDelta::minutes(10);
/// Prices that are older are believed no more, unless snapshots are rarer: by then a market may have moved so far.
const BELIEVED_FOR: TimeDelta = TimeDelta::days(2);
/// When so many snapshots in a row agree with the one before them, theirs is the market, however far it is from what was believed.
const AGREEING: u32 = 2;

/// What was found, and what is remembered from now on.
pub(crate) struct Judged {
    pub(crate) findings: Vec<Finding>,
    pub(crate) memory: Memory,
}

/// Judges the snapshot of `order`: `pages` are those that came, in their order. Whether all came is told elsewhere. Snapshots
/// are taken `every` so often.
pub(crate) fn judge(
    order: &Manifest,
    pages: &[Page<'_>],
    memory: &Memory,
    settings: &config::Judge,
    every: Duration,
) -> Judged {
    let mut findings = Vec::new();
    for (place, page) in pages.iter().enumerate() {
        findings.extend(findings_of_page(order, page, &pages[..place], settings));
    }
    let Some(now) = Remembered::of(order, pages) else {
        findings.extend(old(pages, settings));
        findings.extend(clock(pages, settings));
        return Judged { findings, memory: memory.clone() };
    };
    // What did not come, or cannot be read, is no coin that is missing.
    let is_read = |page: &Page<'_>| page.record.rows == 0 || ids(page).next().is_some();
    let is_whole = pages.len() == order.pages_expected(&records(pages)) as usize && pages.iter().all(is_read);
    if is_whole && findings.is_empty() {
        findings.extend(short(order, pages, settings));
    }
    let before = memory.before(&now);
    if let Some(before) = before.filter(|_| is_whole) {
        findings.extend(fewer(before, &now, settings));
    }
    findings.extend(old(pages, settings));
    findings.extend(clock(pages, settings));
    if let Some(before) = before {
        findings.extend(still(before, &now, settings));
        findings.extend(nulls(before, &now, settings));
    }
    let age = TimeDelta::from_std(every).ok().and_then(|every| every.checked_mul(2));
    let age = age.unwrap_or(TimeDelta::MAX).max(BELIEVED_FOR);
    let believed =
        memory.believed(&now).filter(|believed| between(believed, &now).is_some_and(|time| time <= age));
    let jumped = believed.and_then(|believed| jump(believed, &now, settings));
    let agreeing = if before.is_some_and(|before| agrees(before, &now, settings)) {
        memory.agreeing.saturating_add(1)
    } else {
        0
    };
    let jumped = jumped.filter(|_| agreeing < AGREEING);
    let doubted = jumped.is_some().then_some(agreeing);
    findings.extend(jumped);
    Judged { findings, memory: memory.clone().then(now, doubted) }
}

fn records(pages: &[Page<'_>]) -> Vec<crate::spool::PageRecord> {
    pages.iter().map(|page| page.record.clone()).collect()
}

/// Each coin counts once: pages may overlap.
fn short(order: &Manifest, pages: &[Page<'_>], settings: &config::Judge) -> Option<Finding> {
    let total = pages.iter().filter_map(|page| page.record.total_count).max()?;
    let due = order.limit.min(total) as usize;
    let coins = pages.iter().flat_map(ids).collect::<BTreeSet<_>>().len();
    settings.missing.is_exceeded(due.saturating_sub(coins), due).then(|| {
        Finding::new(Check::ShortListing, format!("{coins} different coins came of the {due} that are due"))
    })
}

fn fewer(before: &Remembered, now: &Remembered, settings: &config::Judge) -> Option<Finding> {
    let lacking = before.coins.saturating_sub(now.coins);
    settings.fewer.is_exceeded(lacking, before.coins).then(|| {
        let text = format!("{} coins came, and {} in the snapshot before", now.coins, before.coins);
        Finding::new(Check::FewerCoins, text)
    })
}

fn old(pages: &[Page<'_>], settings: &config::Judge) -> Option<Finding> {
    let newest =
        pages.iter().flat_map(|page| &page.summary.coins).filter_map(|coin| coin.updated_at).max()?;
    // By the API's own clock, where it tells the time.
    let now = pages.iter().map(|page| page.summary.timestamp.unwrap_or(page.record.fetched_at)).max()?;
    is_longer(now - newest, settings.quote_age).then(|| {
        let text = format!("the newest quote is {} old", span(now - newest));
        Finding::new(Check::OldQuotes, text)
    })
}

fn clock(pages: &[Page<'_>], settings: &config::Judge) -> Option<Finding> {
    let differences = pages.iter().filter_map(|page| Some(page.summary.timestamp? - page.record.fetched_at));
    let most = differences.max_by_key(TimeDelta::abs)?;
    is_longer(most.abs(), settings.clock).then(|| {
        let how = if most > TimeDelta::zero() {
            "ahead of this machine's"
        } else {
            "behind this machine's, or its answer is an old one"
        };
        Finding::new(Check::Clock, format!("the API's clock is {} {how}", span(most.abs())))
    })
}

fn still(before: &Remembered, now: &Remembered, settings: &config::Judge) -> Option<Finding> {
    let lasted = between(before, now)?;
    let common = before.common(now);
    let still = common.iter().filter(|pair| !pair.has_moved).count();
    let is_found = lasted >= STILL_AFTER
        && common.len() >= LEAST_COINS
        && settings.still.is_exceeded(still, common.len());
    is_found.then(|| {
        let text = format!(
            "{still} of {} quotes are no newer than in the snapshot {} before",
            common.len(),
            span(lasted)
        );
        Finding::new(Check::StillQuotes, text)
    })
}

fn nulls(before: &Remembered, now: &Remembered, settings: &config::Judge) -> Option<Finding> {
    if before.coins < LEAST_COINS || now.coins < LEAST_COINS {
        return None;
    }
    let filled = Measure::ALL.into_iter().zip(before.filled.iter().zip(&now.filled));
    let lost = filled.filter_map(|(measure, (&had, &has))| {
        // As many as would be filled if nothing had changed but the number of coins.
        let expected = had * now.coins / before.coins;
        let is_lost =
            had >= LEAST_COINS && settings.nulls.is_exceeded(expected.saturating_sub(has), expected);
        is_lost.then(|| {
            format!("{} ({has} of {}, {had} of {} before)", measure.column(), now.coins, before.coins)
        })
    });
    let lost: Vec<_> = lost.collect();
    (!lost.is_empty()).then(|| {
        let text = format!("numbers that most coins had are gone: {}", lost.join(", "));
        Finding::new(Check::NullColumn, text)
    })
}

fn jump(believed: &Remembered, now: &Remembered, settings: &config::Judge) -> Option<Finding> {
    let common = believed.common(now);
    let mut jumped: Vec<_> = common.iter().filter(|pair| has_jumped(pair, settings)).collect();
    if common.len() < LEAST_COINS || !settings.jumped.is_exceeded(jumped.len(), common.len()) {
        return None;
    }
    jumped.sort_by(|one, other| one.factor.total_cmp(&other.factor));
    let typical = jumped[jumped.len() / 2].factor;
    let text = format!(
        "{} of {} prices moved by a factor of {} or more; the one in the middle of these is {} times as high as before",
        jumped.len(),
        common.len(),
        settings.jump,
        rounded(typical),
    );
    Some(Finding::new(Check::PriceJump, text))
}

fn has_jumped(pair: &Pair, settings: &config::Judge) -> bool {
    pair.factor.max(pair.factor.recip()) >= f64::from(settings.jump)
}

/// Whether both can be compared, and the prices of `now` are about those of `before`.
fn agrees(before: &Remembered, now: &Remembered, settings: &config::Judge) -> bool {
    let common = before.common(now);
    let jumped = common.iter().filter(|pair| has_jumped(pair, settings)).count();
    common.len() >= LEAST_COINS && !settings.jumped.is_exceeded(jumped, common.len())
}

fn between(before: &Remembered, now: &Remembered) -> Option<TimeDelta> {
    let at: [Option<DateTime<Utc>>; 2] = [before.fetched_at(), now.fetched_at()];
    Some(at[1]? - at[0]?)
}

/// Zero is no limit.
fn is_longer(time: TimeDelta, limit: Duration) -> bool {
    !limit.is_zero() && time.to_std().is_ok_and(|time| time > limit)
}

/// About three digits.
fn rounded(factor: f64) -> String {
    if !(0.01..1e6).contains(&factor) {
        return format!("{factor:.2e}");
    }
    // Zeros at the end say nothing.
    format!("{factor:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A time for people, whose smaller units say nothing.
fn span(time: TimeDelta) -> String {
    let rounded = time + TimeDelta::seconds(30);
    let (days, hours, minutes) = (rounded.num_days(), rounded.num_hours(), rounded.num_minutes());
    match () {
        () if days >= 2 => format!("{days} days"),
        () if hours >= 2 && minutes % 60 == 0 => format!("{hours} h"),
        () if hours >= 2 => format!("{hours} h {} min", minutes % 60),
        () if minutes >= 2 => format!("{minutes} min"),
        () => format!("{} s", time.num_seconds()),
    }
}

#[cfg(test)]
mod tests;
