//! The checks of the past: whether the history has what was asked for. It is held against nothing that was fetched before.

use std::collections::BTreeSet;

use super::page_checks::{findings_of_page, ids};
use super::{Check, Finding, Page};
use crate::spool::{Manifest, PageRecord};

/// Whether an hour of which `rows` coins came lacks some, when `asked` were asked for and the history has had quotes of `there` by then.
/// Coins that were not listed yet are not missing, unless they are too many to be believed.
pub(crate) fn lacks_past(rows: u32, there: u32, asked: u32, settings: &config::Judge) -> bool {
    let is_exceeded = |limit: config::Limit, has: u32, of: u32| {
        limit.is_exceeded(of.saturating_sub(has) as usize, of as usize)
    };
    (rows == 0 && asked > 0)
        || is_exceeded(settings.fewer, there, asked)
        || is_exceeded(settings.missing, rows, there)
}

/// What is wrong with an hour of the coins of `order`, of which these `pages` came.
pub(crate) fn judge_hour(order: &Manifest, pages: &[PageRecord], settings: &config::Judge) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (came, due) = (pages.len(), order.pages_in_all());
    if came < due as usize {
        let text = format!("{came} of the {due} answers came that all coins take");
        findings.push(Finding::new(Check::ShortListing, text));
    }
    let first: Vec<_> = pages.iter().filter(|page| order.is_in_first(page.page)).collect();
    let sum = |count: fn(&PageRecord) -> u32| first.iter().map(|page| count(page)).sum::<u32>();
    let (rows, asked) = (sum(|page| page.rows), sum(|page| page.asked));
    let there = sum(|page| page.total_count.unwrap_or(page.asked));
    if rows == 0 {
        let text = "empty: the API's history has no quote of any of the coins at this time".to_owned();
        findings.push(Finding::new(Check::EmptyListing, text));
    } else if lacks_past(rows, there, asked, settings) {
        let text = format!("the API's history has quotes of {rows} of the {asked} coins at this time");
        findings.push(Finding::new(Check::ShortListing, text));
    }
    findings
}

/// What is wrong with `page` of the day of `order`, beside its `others`. Where the API does not say how many coins there were, it is held
/// against what was asked for.
pub(crate) fn findings_of_day(
    order: &Manifest,
    page: &Page<'_>,
    others: &[Page<'_>],
    settings: &config::Judge,
) -> Vec<Finding> {
    let mut findings = findings_of_page(order, page, others, settings);
    let (_, asked) = order.range(page.record.page);
    let rows = page.record.rows;
    let is_untold = findings.is_empty() && page.record.total_count.is_none();
    if is_untold && settings.fewer.is_exceeded(asked.saturating_sub(rows) as usize, asked as usize) {
        let text = format!("page {} has {rows} of the {asked} coins that were asked for", page.record.page);
        findings.push(Finding::new(Check::ShortListing, text));
    }
    findings
}

/// What is wrong with the day of `order`, whose `pages` came.
pub(crate) fn judge_day(order: &Manifest, pages: &[Page<'_>], settings: &config::Judge) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (place, page) in pages.iter().enumerate() {
        findings.extend(findings_of_day(order, page, &pages[..place], settings));
    }
    let records: Vec<_> = pages.iter().map(|page| page.record.clone()).collect();
    let (came, due) = (pages.len(), order.pages_expected(&records) as usize);
    if came < due {
        findings.push(Finding::new(Check::ShortListing, format!("{came} of {due} pages came")));
    } else if findings.is_empty() {
        let total = records.iter().filter_map(|page| page.total_count).max();
        let due = total.map_or(0, |total| order.limit.min(total)) as usize;
        let coins = pages.iter().flat_map(ids).collect::<BTreeSet<_>>().len();
        if settings.missing.is_exceeded(due.saturating_sub(coins), due) {
            let text = format!("{coins} different coins came of the {due} that are due");
            findings.push(Finding::new(Check::ShortListing, text));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coins_that_were_not_listed_yet_are_not_missing_and_those_that_were_are() {
        let settings = &config::Config::defaults().judge;
        for (rows, there, asked, lacks) in [
            (100, 100, 100, false),
            (90, 90, 100, false),
            (10, 11, 11, true),
            (10, 10, 11, false),
            (0, 0, 1, true),
            (0, 100, 100, true),
            (70, 70, 100, true),
            (90, 100, 100, true),
        ] {
            assert_eq!(lacks_past(rows, there, asked, settings), lacks, "{rows} {there} {asked}");
        }
    }
}
