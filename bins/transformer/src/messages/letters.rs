//! The letters about a page that went on without some of its coins. That fields are missing is told by the fetcher, once a change.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Bytes, Chunk, Class, DeadLetter, MarketKind, MessageId, StageName, header};

use crate::reject::Reject;

/// The most bytes of coins as sent in one letter; brokers refuse messages beyond 16 MiB. Past it the
/// rejects are listed without them.
const MAX_RAW_BYTES: usize = 4 << 20;

/// One letter about all rejects of a chunk; `None` when there are none.
pub(crate) fn about_rejects(chunk: &Chunk, rejects: &[&Reject], now: DateTime<Utc>) -> Option<DeadLetter> {
    let mut by_rule = BTreeMap::<&str, u32>::new();
    for reject in rejects {
        *by_rule.entry(reject.rule).or_default() += 1;
    }
    let mut by_rule: Vec<_> = by_rule.into_iter().collect();
    by_rule.sort_by_key(|&(_, times)| std::cmp::Reverse(times));
    let code = match by_rule[..] {
        [] => return None,
        [(rule, _)] => rule,
        _ => "several_rules",
    };
    let rules: Vec<_> = by_rule.iter().map(|(rule, times)| format!("{rule} ×{times}")).collect();
    let page = &chunk.page;
    let what = if MarketKind::of_endpoint(&page.endpoint).is_some() { "rows" } else { "coins" };
    let verb = if rejects.len() == 1 { "was" } else { "were" };
    let mut headers = page.to_message(Bytes::new()).headers;
    // The body is this letter's own list, not the compressed page.
    headers.remove(header::CONTENT_ENCODING);
    let letter = DeadLetter {
        id: MessageId::new(format!("dead/{}/{}", StageName::Transformer, chunk.message_id())),
        class: Class::RejectedRows,
        code: code.to_owned(),
        reason: format!(
            "{} of {} {what} of page {} {verb} rejected: {}",
            rejects.len(),
            chunk.coins_in,
            page.page,
            rules.join(", ")
        ),
        stage: Some(StageName::Transformer),
        attempt: 1,
        first_seen_at: now,
        headers,
        body: body(rejects).into(),
    };
    Some(letter.about_coins(rejects.iter().filter_map(|reject| reject.coin_id)))
}

/// The rejects as a JSON array.
fn body(rejects: &[&Reject]) -> Vec<u8> {
    let mut bytes = 0;
    let listed: Vec<Reject> = rejects
        .iter()
        .map(|reject| {
            bytes += reject.raw.len();
            let raw = if bytes <= MAX_RAW_BYTES { reject.raw.clone() } else { String::new() };
            Reject { raw, reason: reject.reason.clone(), ..**reject }
        })
        .collect();
    serde_json::to_vec(&listed).expect("texts and numbers are JSON")
}
