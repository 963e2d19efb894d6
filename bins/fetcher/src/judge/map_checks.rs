//! The checks of a map: whether its pages are different ones, and whether it has about as many coins as the one before.

use std::collections::BTreeSet;

use super::map_memory::RememberedMap;
use super::memory::Memory;
use super::page_checks::{findings_of_page, ids};
use super::snapshot_checks::Judged;
use super::{Check, Finding, Page};
use crate::spool::Manifest;

/// Judges the map of `order`: `pages` are those that came, in their order. Whether all came is told elsewhere.
pub(crate) fn judge_map(
    order: &Manifest,
    pages: &[Page<'_>],
    memory: &Memory,
    settings: &config::Judge,
) -> Judged {
    let mut findings = Vec::new();
    for (place, page) in pages.iter().enumerate() {
        findings.extend(findings_of_page(order, page, &pages[..place], settings));
    }
    let coins = pages.iter().flat_map(ids).collect::<BTreeSet<_>>().len();
    let now = RememberedMap::new(order, pages.iter().any(|page| page.record.simulated), coins);
    if let Some(before) = memory.map.as_ref().and_then(|before| before.coins_before(&now)) {
        let lacking = before.saturating_sub(coins);
        if settings.fewer.is_exceeded(lacking, before) {
            let text = format!("{coins} coins came, and {before} in the map before");
            findings.push(Finding::new(Check::FewerCoins, text));
        }
    }
    // What may be one of its own pages again and again says nothing about the next. One that is small is what the market is when the next
    // one is as small.
    let is_garbled = findings.iter().any(|finding| finding.check != Check::FewerCoins);
    let memory = memory.clone();
    let memory = if is_garbled { memory } else { Memory { map: Some(now), ..memory } };
    Judged { findings, memory }
}
