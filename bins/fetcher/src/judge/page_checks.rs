//! The checks of one page: whether its coins are those that were asked for.

use std::collections::BTreeSet;

use super::{Check, Finding, Page, PageSummary};
use crate::spool::Manifest;

/// Ranks that a listing always has, from the best.
const TOP: u32 = 100;
/// As many are looked for at least.
const LEAST_TOP: u32 = 10;
/// So many ids are named.
const MOST_NAMED: usize = 20;

/// What is wrong with `page` of `order`, beside the `others` of the snapshot.
pub(crate) fn findings_of_page(
    order: &Manifest,
    page: &Page<'_>,
    others: &[Page<'_>],
    settings: &config::Judge,
) -> Vec<Finding> {
    let (start, asked) = order.range(page.record.page);
    // In another currency the same coins come again.
    let currency = |page: &Page<'_>| order.currency(page.record.page);
    let others: Vec<_> = others.iter().filter(|other| currency(other) == currency(page)).copied().collect();
    let others = &others;
    let ids = order.ids_of(page.record.page);
    if !ids.is_empty() {
        return ids_missing(page, ids).into_iter().collect();
    }
    let total = total(page, others, settings);
    let due = total.map(|total| asked.min(total.saturating_sub(start - 1)));
    let all = total.map(|total| order.limit.min(total));
    // A last page may have few coins, so what it lacks is a share of the whole listing.
    let whole = if all.is_some_and(|all| start - 1 + asked >= all) { all } else { due };
    // A market without a coin is no market, whatever the API says.
    if page.record.rows == 0 && (start == 1 || due.is_some_and(|due| due > 0)) {
        let total = total.map_or_else(String::new, |total| format!("; the API says that there are {total}"));
        let text = format!("page {} has no coins, and {asked} were asked for{total}", page.record.page);
        return vec![Finding::new(Check::EmptyListing, text)];
    }
    let found = [
        due.zip(whole).and_then(|(due, whole)| short(page, due, whole, settings)),
        again(page, others, settings),
        // Without a total nobody knows whether there are a hundred coins.
        top_missing(page, start, due.unwrap_or(asked.min(page.record.rows)), settings),
    ];
    found.into_iter().flatten().collect()
}

/// How many coins of these pages, all in one currency, were on an earlier one of them already.
pub(crate) fn coins_again<'s>(pages: impl IntoIterator<Item = &'s PageSummary>) -> u32 {
    let mut seen = BTreeSet::new();
    let ids = pages.into_iter().flat_map(|page| {
        let of_page: BTreeSet<_> = page.coins.iter().filter_map(|coin| coin.id).collect();
        of_page
    });
    ids.fold(0, |again: u32, id| if seen.insert(id) { again } else { again.saturating_add(1) })
}

/// Whoever asks for coins by name wants each of them.
fn ids_missing(page: &Page<'_>, asked: &[u32]) -> Option<Finding> {
    let number = page.record.page;
    if page.record.rows == 0 {
        let text = format!(
            "page {number} has no coins, and {} were asked for: does CoinMarketCap know the ids in fetch.ids?",
            asked.len()
        );
        return Some(Finding::new(Check::EmptyListing, text));
    }
    let came: BTreeSet<_> = ids(page).collect();
    let missing: Vec<_> = asked.iter().filter(|id| !came.contains(id)).collect();
    let named: Vec<_> = missing.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    let rest = if missing.len() > named.len() { ", …" } else { "" };
    (!missing.is_empty()).then(|| {
        let text = format!(
            "{} of the {} ids of page {number} are not in the answer: {}{rest}; take those that CoinMarketCap does not know out of \
             fetch.ids",
            missing.len(),
            asked.len(),
            named.join(", ")
        );
        Finding::new(Check::IdsMissing, text)
    })
}

/// How many coins there are. A few come and go between two calls, so `page` knows best; but one answer may not count what another one
/// does.
fn total(page: &Page<'_>, others: &[Page<'_>], settings: &config::Judge) -> Option<u32> {
    let most = others.iter().chain([page]).filter_map(|page| page.record.total_count).max()?;
    let own = page.record.total_count.unwrap_or(most);
    let is_far_less = settings.missing.is_exceeded((most - own) as usize, most as usize);
    Some(if is_far_less { most } else { own })
}

/// `whole` is what the coins that are missing are a share of.
fn short(page: &Page<'_>, due: u32, whole: u32, settings: &config::Judge) -> Option<Finding> {
    let lacking = due.saturating_sub(page.record.rows);
    if !settings.missing.is_exceeded(lacking as usize, whole as usize) {
        return None;
    }
    let (rows, number) = (page.record.rows, page.record.page);
    let text = format!("page {number} has {rows} of the {due} coins that are due");
    Some(Finding::new(Check::ShortListing, text))
}

fn again(page: &Page<'_>, others: &[Page<'_>], settings: &config::Judge) -> Option<Finding> {
    let own: BTreeSet<_> = ids(page).collect();
    others.iter().find_map(|other| {
        let repeated = ids(other).collect::<BTreeSet<_>>().intersection(&own).count();
        settings.repeated.is_exceeded(repeated, own.len()).then(|| {
            let (number, of) = (page.record.page, other.record.page);
            let text =
                format!("{repeated} of the {} coins of page {number} are those of page {of}", own.len());
            Finding::new(Check::PageAgain, text)
        })
    })
}

fn top_missing(page: &Page<'_>, start: u32, due: u32, settings: &config::Judge) -> Option<Finding> {
    let ranks: BTreeSet<_> = page.summary.coins.iter().filter_map(|coin| coin.rank).collect();
    if start != 1 || ranks.is_empty() {
        return None;
    }
    let top = due.min(TOP);
    // A handful of coins is somebody's example.
    if top < LEAST_TOP {
        return None;
    }
    let lacking = (1..=top).filter(|rank| !ranks.contains(rank)).count();
    settings.top_missing.is_exceeded(lacking, top as usize).then(|| {
        let best = ranks.first().copied().unwrap_or_default();
        let text = format!("{lacking} of the {top} best ranks are missing; the best that came is {best}");
        Finding::new(Check::TopMissing, text)
    })
}

/// The ids of its coins.
pub(super) fn ids<'a>(page: &'a Page<'_>) -> impl Iterator<Item = u32> + use<'a> {
    page.summary.coins.iter().filter_map(|coin| coin.id)
}
