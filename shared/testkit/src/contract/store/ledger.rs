//! What the ledger promises about batches.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{BatchId, Chunk, Doubt, Fetched, Slot, Verdict};

use super::StoreLab;
use super::sample::{at, batch, chunk, chunk_of, fetched, row};
use ports::store::{BatchRecord, Course, Ledger, Missing, Paid, Store};

async fn load(lab: &impl StoreLab, chunk: &Chunk) {
    lab.store().load(chunk).await.expect("the chunk loads");
}

async fn record(lab: &impl StoreLab) -> BatchRecord {
    lab.store().batch(&batch(0)).await.expect("the ledger answers").expect("the batch is there")
}

async fn missing(lab: &impl StoreLab) -> Vec<String> {
    record(lab).await.missing.iter().map(ToString::to_string).collect()
}

/// Chunk `chunk` of `chunks` of page `page` of `pages`, with one coin.
fn part(page: u32, pages: u32, number: u32, chunks: u32) -> Chunk {
    let mut part = chunk(&[page * 100 + number]);
    part.page.page = page;
    part.page.pages = pages;
    part.chunk = number;
    part.chunks = chunks;
    part
}

/// Until then it says which pages and which chunks are missing.
pub async fn a_batch_is_complete_when_every_chunk_of_every_page_is_loaded(lab: &impl StoreLab) {
    load(lab, &part(2, 3, 2, 3)).await;
    assert_eq!(missing(lab).await, ["page 1", "page 2 chunk 1 of 3", "page 2 chunk 3 of 3", "page 3"]);
    load(lab, &part(1, 3, 1, 1)).await;
    load(lab, &part(2, 3, 3, 3)).await;
    assert_eq!(missing(lab).await, ["page 2 chunk 1 of 3", "page 3"]);
    load(lab, &part(3, 3, 1, 1)).await;
    assert!(!record(lab).await.is_complete());
    load(lab, &part(2, 3, 1, 3)).await;
    let record = record(lab).await;
    assert!(record.is_complete(), "{:?}", record.missing);
    assert_eq!((record.coins_in, record.written, record.rejected), (5, 5, 0));
}

/// Whatever slot it is about, and also of a batch that was dropped; one that was not announced has no price yet.
pub async fn what_was_paid_is_told_by_when_it_was_fetched(lab: &impl StoreLab) {
    load(lab, &part(1, 2, 1, 1)).await;
    assert_eq!(lab.store().paid_since(at(-100_000)).await.expect("answers"), []);
    let about = |slot: i64, endpoint: &str, fetched_at, credits| {
        let (slot, convert) = (Slot::at(at(slot)), vec!["USD".to_owned()]);
        let (batch, endpoint) = (BatchId::new(slot, endpoint, &convert), endpoint.to_owned());
        Fetched { batch, slot, endpoint, fetched_at: at(fetched_at), credits, ..fetched(1) }
    };
    for announced in [
        about(-1_000_000, "history", 50, 2),
        about(0, "listings", 1, 25),
        about(-3600, "listings", -3599, 25),
        about(0, "map", 70, 0),
    ] {
        lab.store().record_fetched(&announced).await.expect("is recorded");
    }
    let paid = lab.store().paid_since(at(1)).await.expect("answers");
    let told = |endpoint: &str, fetched_at, credits| Paid {
        endpoint: endpoint.to_owned(),
        fetched_at: at(fetched_at),
        credits,
    };
    assert_eq!(paid, [told("listings", 1, 25), told("history", 50, 2), told("map", 70, 0)]);
    assert_eq!(lab.store().paid_since(at(71)).await.expect("answers"), []);
}

/// Of what was fetched at its slot, and is not dropped. When it was loaded is known while no repeat hides it.
pub async fn how_snapshots_went_is_told_newest_first(lab: &impl StoreLab) {
    let courses =
        async |from, to, limit| lab.store().courses(at(from), at(to), limit).await.expect("answers");
    assert_eq!(courses(-100_000, 100_000, 9).await, []);
    for (seconds, endpoint) in
        [(0, "listings"), (3600, "listings"), (7200, "quotes"), (1800, "history"), (1800, "map")]
    {
        let (slot, convert) = (Slot::at(at(seconds)), vec!["USD".to_owned()]);
        let (batch, endpoint) = (BatchId::new(slot, endpoint, &convert), endpoint.to_owned());
        let mut loaded = chunk(&[1, 2]);
        (loaded.page.batch, loaded.page.slot) = (batch.clone(), slot);
        loaded.page.endpoint.clone_from(&endpoint);
        loaded.page.fetched_at = at(seconds + 1);
        if seconds != 7200 {
            load(lab, &loaded).await;
        }
        if seconds == 3600 {
            load(lab, &loaded).await;
        }
        let announced =
            Fetched { batch, slot, endpoint, fetched_at: at(seconds + 1), credits: 3, ..fetched(1) };
        lab.store().record_fetched(&announced).await.expect("is recorded");
    }
    let course = |seconds, loaded_at, quotes| Course {
        slot: Slot::at(at(seconds)),
        fetched_at: Some(at(seconds + 1)),
        loaded_at,
        quotes,
        credits: Some(3),
    };
    let told = [course(7200, None, 0), course(3600, None, 2), course(0, Some(at(0)), 2)];
    assert_eq!(courses(-100_000, 100_000, 9).await, told);
    assert_eq!(courses(-100_000, 100_000, 2).await, told[..2]);
    assert_eq!(courses(1, 7200, 9).await, told[1..2]);
}

/// Before the announcement the pages say how many there are; after it, it does.
pub async fn an_announcement_and_its_chunks_may_come_in_any_order(lab: &impl StoreLab) {
    load(lab, &part(1, 2, 1, 1)).await;
    let early = record(lab).await;
    assert_eq!((early.fetched_at, early.pages, early.credits), (None, Some(2), None));
    lab.store().record_fetched(&fetched(3)).await.expect("is recorded");
    let announced = record(lab).await;
    assert_eq!((announced.fetched_at, announced.pages, announced.credits), (Some(at(1)), Some(3), Some(25)));
    assert_eq!(announced.missing, [Missing::Page(2), Missing::Page(3)]);
    assert_eq!(announced.written, 1);

    let mut first = fetched(2);
    first.batch = batch(3600);
    first.slot = Slot::at(at(3600));
    lab.store().record_fetched(&first).await.expect("is recorded");
    let announced = lab.store().batch(&batch(3600)).await.expect("answers").expect("is there");
    assert_eq!(
        announced,
        BatchRecord {
            id: batch(3600),
            slot: Slot::at(at(3600)),
            endpoint: "listings".to_owned(),
            convert: vec!["USD".to_owned()],
            simulated: false,
            fetched_at: Some(at(1)),
            transformed_at: None,
            loaded_at: None,
            pages: Some(2),
            credits: Some(25),
            dropped: None,
            is_half_dropped: false,
            verdict: None,
            coins_in: 0,
            rejected: 0,
            written: 0,
            unchanged: 0,
            stale: 0,
            loads: 0,
            replays: 0,
            page_replays: BTreeMap::new(),
            missing: vec![Missing::Page(1), Missing::Page(2)],
        }
    );
}

/// With its pages; an earlier or equal one changes nothing. What it cost is added: it was paid for again.
pub async fn a_later_announcement_wins(lab: &impl StoreLab) {
    load(lab, &chunk(&[1])).await;
    for (fetched_at, pages, expected, credits) in
        [(at(5), 2, 2, 102), (at(5), 7, 2, 102), (at(4), 8, 2, 102), (at(6), 3, 3, 205), (at(6), 3, 3, 205)]
    {
        let mut announcement = fetched(pages);
        announcement.fetched_at = fetched_at;
        announcement.credits = 100 + pages;
        lab.store().record_fetched(&announcement).await.expect("is recorded");
        let record = record(lab).await;
        assert_eq!((record.pages, record.credits), (Some(expected), Some(credits)));
    }
    assert_eq!(record(lab).await.fetched_at, Some(at(6)));
}

/// The verdict is the newest announcement's, and replaying what it is about does not change it.
pub async fn a_verdict_stays_with_its_announcement(lab: &impl StoreLab) {
    let verdict = |doubt| Some(Verdict { doubt, why: "7 of 200 coins came [short_listing]".to_owned() });
    let steps = [
        (at(5), verdict(Doubt::Incomplete), verdict(Doubt::Incomplete)),
        (at(4), None, verdict(Doubt::Incomplete)),
        (at(6), verdict(Doubt::Suspect), verdict(Doubt::Suspect)),
        (at(6), None, verdict(Doubt::Suspect)),
    ];
    load(lab, &chunk(&[1])).await;
    assert_eq!(record(lab).await.verdict, None);
    for (fetched_at, judged, expected) in steps {
        lab.store()
            .record_fetched(&Fetched { fetched_at, verdict: judged, ..fetched(1) })
            .await
            .expect("is recorded");
        load(lab, &chunk(&[1])).await;
        let record = record(lab).await;
        let lacks_coins = expected.as_ref().is_some_and(|verdict| verdict.doubt == Doubt::Incomplete);
        assert_eq!((record.is_complete(), record.lacks_coins()), (true, lacks_coins));
        assert_eq!(record.verdict, expected);
    }
    lab.store().record_fetched(&Fetched { fetched_at: at(7), ..fetched(1) }).await.expect("is recorded");
    let record = record(lab).await;
    assert_eq!((record.lacks_coins(), record.verdict), (false, None));
}

/// So a snapshot without coins is complete, and recorded.
pub async fn an_empty_page_is_a_chunk_without_rows(lab: &impl StoreLab) {
    lab.store().record_fetched(&fetched(1)).await.expect("is recorded");
    assert_eq!(missing(lab).await, ["page 1"]);
    load(lab, &chunk(&[])).await;
    let record = record(lab).await;
    assert_eq!((record.missing.len(), record.coins_in, record.loads), (0, 0, 1));
}

/// Whichever of its chunks that is: it was transformed and loaded when the newest was, as often as the most often loaded,
/// and has as many pages as the most that a page says.
pub async fn a_batch_is_as_new_as_its_newest_chunk(lab: &impl StoreLab) {
    for newest in 1..=3 {
        let batch = batch(i64::from(newest) * 3600);
        let part = |number: u32, pages: u32, transformed: i64| {
            let mut part = Chunk { transformed_at: at(transformed), ..part(number, pages, 1, 1) };
            part.page.batch = batch.clone();
            part
        };
        let others = (1..=3).filter(|number| *number != newest);
        let newest_part = part(newest, 4, 50);
        for _ in 0..3 {
            load(lab, &newest_part).await;
        }
        for (number, pages) in others.zip([2, 3]) {
            load(lab, &part(number, pages, 20)).await;
        }
        lab.clock().advance(Duration::from_mins(1));
        load(lab, &newest_part).await;
        let record = lab.store().batch(&batch).await.expect("answers").expect("is there");
        assert_eq!((record.loads, record.pages), (4, Some(4)), "{newest}");
        let instants = (record.transformed_at, record.loaded_at);
        assert_eq!(instants, (Some(at(50)), Some(at(i64::from(newest) * 60))), "{newest}");
    }
}

/// A repeat finds every quote there already, which says nothing about the batch.
pub async fn repeats_are_counted_and_keep_the_first_loads_numbers(lab: &impl StoreLab) {
    let newer = row(1, 9.0, at(500));
    let mut other = chunk_of(newer, at(501));
    other.page.batch = batch(3600);
    other.page.slot = Slot::at(at(3600));
    load(lab, &other).await;
    let first = chunk(&[1, 2, 3]);
    load(lab, &first).await;
    let before = record(lab).await;
    assert_eq!((before.written, before.unchanged, before.stale, before.loads), (2, 0, 1, 1));
    lab.clock().advance(Duration::from_secs(30));
    load(lab, &first).await;
    load(lab, &first).await;
    let after = record(lab).await;
    assert_eq!(after.loaded_at, Some(at(30)));
    assert_eq!(after, BatchRecord { loads: 3, loaded_at: after.loaded_at, ..before });
}

/// A replay with other rules or another chunk size: its word counts, in whatever order it comes.
pub async fn a_page_transformed_again_replaces_what_the_transformer_said(lab: &impl StoreLab) {
    let old = Chunk { coins_in: 10, rejected: 4, ..part(1, 1, 1, 1) };
    let new = Chunk { coins_in: 6, rejected: 1, transformed_at: at(1000), ..part(1, 1, 1, 2) };
    for version in [&old, &new, &old] {
        load(lab, version).await;
    }
    let record = record(lab).await;
    assert_eq!((record.coins_in, record.rejected, record.transformed_at), (6, 1, Some(at(1000))));
    assert_eq!((record.missing, record.loads), (vec![Missing::Chunk { page: 1, chunk: 2, of: 2 }], 3));
}

/// Its newest chunk says how many there are, wherever it stands.
pub async fn a_page_cut_anew_has_as_many_chunks_as_its_newest_says(lab: &impl StoreLab) {
    for number in [1, 3] {
        load(lab, &part(1, 1, number, 3)).await;
    }
    assert_eq!(missing(lab).await, ["page 1 chunk 2 of 3"]);
    load(lab, &Chunk { transformed_at: at(1000), ..part(1, 1, 1, 2) }).await;
    assert_eq!(missing(lab).await, ["page 1 chunk 2 of 2"]);
    load(lab, &Chunk { transformed_at: at(1000), ..part(1, 1, 2, 2) }).await;
    assert!(record(lab).await.is_complete());
}

/// Beside those that a rule rejected; a coin refused in two currencies counts once.
pub async fn refused_coins_count_as_rejected(lab: &impl StoreLab) {
    let mut chunk = Chunk { rejected: 2, ..chunk(&[1, 0]) };
    chunk.rows[1].quotes.push(super::sample::quote("EUR", 1.0, at(0)));
    load(lab, &chunk).await;
    let record = record(lab).await;
    assert_eq!((record.written, record.rejected), (1, 3));
    assert!(record.is_complete());
}

/// As many as were asked for.
pub async fn batches_come_newest_slot_first(lab: &impl StoreLab) {
    for seconds in [3600, 0, 7200, -3600] {
        let mut announcement = fetched(1);
        announcement.batch = batch(seconds);
        announcement.slot = Slot::at(at(seconds));
        lab.store().record_fetched(&announcement).await.expect("is recorded");
        load(lab, &{
            let mut chunk = chunk(&[1]);
            chunk.page.batch = batch(seconds);
            chunk.page.slot = Slot::at(at(seconds));
            chunk
        })
        .await;
    }
    for (limit, expected) in [(10, vec![7200, 3600, 0, -3600]), (2, vec![7200, 3600]), (0, vec![])] {
        let records = lab.store().batches(limit).await.expect("the ledger answers");
        let slots: Vec<_> = expected.into_iter().map(|seconds| Slot::at(at(seconds))).collect();
        assert_eq!(records.iter().map(|record| record.slot).collect::<Vec<_>>(), slots);
        assert!(records.iter().all(|record| record.is_complete() && record.loads == 1));
        let all = lab.store().batches(10).await.expect("the ledger answers");
        let mut paged: Vec<_> = all.iter().take(1).cloned().collect();
        while let Some(last) = paged.last() {
            let next =
                lab.store().batches_before((last.slot, &last.id), limit).await.expect("the ledger answers");
            assert!(next.len() <= limit as usize);
            if next.is_empty() {
                break;
            }
            paged.extend(next);
        }
        assert_eq!(paged, all[..if limit > 0 { 4 } else { 1 }], "{limit} at a time");
        if let Some(first) = records.first() {
            let alone = lab.store().batch(&first.id).await.expect("the ledger answers");
            assert_eq!(alone.as_ref(), Some(first));
        }
    }
}

/// Those that there are, newest first; asking twice for one does not give it twice.
pub async fn the_batches_that_are_asked_for_come_newest_first(lab: &impl StoreLab) {
    let store = lab.store();
    for seconds in [3600, 0, 7200] {
        let mut announcement = fetched(1);
        (announcement.batch, announcement.slot) = (batch(seconds), Slot::at(at(seconds)));
        store.record_fetched(&announcement).await.expect("is recorded");
        let mut chunk = chunk(&[1]);
        (chunk.page.batch, chunk.page.slot) = (batch(seconds), Slot::at(at(seconds)));
        load(lab, &chunk).await;
    }
    let all = store.batches(10).await.expect("answers");
    for (asked, expected) in [
        (vec![], vec![]),
        (vec![0], vec![0]),
        (vec![0, 1, 7200], vec![7200, 0]),
        (vec![0, 3600, 7200, 0, 9], vec![7200, 3600, 0]),
    ] {
        let ids: Vec<_> = asked.iter().map(|seconds| batch(*seconds)).collect();
        let found = store.batches_of(&ids).await.expect("answers");
        let slots: Vec<_> = expected.iter().map(|seconds| Slot::at(at(*seconds))).collect();
        assert_eq!(found.iter().map(|record| record.slot).collect::<Vec<_>>(), slots, "{asked:?}");
        assert!(found.iter().all(|record| all.contains(record)), "{found:#?}");
    }
}
