//! What [`Store::load_market`] promises: newest wins in each kind, and only a whole map tells which coins vanished.

use chrono::{DateTime, Utc};
use domain::{BatchId, Doubt, Fetched, MarketChunk, MarketKind, Origin, Record, Slot, Value, Verdict};
use ports::store::{Ledger, Loaded, Quotes, Store, StoreError};

use super::StoreLab;
use super::sample::{Dice, at, chunk, fetched};
use crate::tables::Vanished;

/// The chunk of page `page` of the batch of `kind` that was due at [`at`]`(seconds)`, and fetched a second later.
pub fn market_chunk(
    kind: MarketKind,
    seconds: i64,
    page: u32,
    pages: u32,
    records: Vec<Record>,
) -> MarketChunk {
    let mut head = chunk(&[]);
    head.page.convert = kind.currencies(&["USD".to_owned()]);
    kind.description().endpoint.clone_into(&mut head.page.endpoint);
    head.page.slot = Slot::at(at(seconds));
    head.page.batch = BatchId::new(head.page.slot, &head.page.endpoint, &head.page.convert);
    head.page.page = page;
    head.page.pages = pages;
    head.page.fetched_at = at(seconds + 1);
    head.transformed_at = at(seconds + 2);
    head.coins_in = u32::try_from(records.len()).expect("a small sample");
    MarketChunk { kind, head, records }
}

/// A row of `kind` with these values, and none in its other columns.
pub fn record(kind: MarketKind, values: &[(&str, Value)]) -> Record {
    let value = |column| values.iter().find(|(name, _)| *name == column).map(|(_, value)| value.clone());
    Record { values: kind.description().fields.iter().map(|field| value(field.column)).collect() }
}

/// A coin as the map has it.
pub fn mapped(id: u32, name: &str) -> Record {
    let text = |text: &str| Value::Text(text.to_owned());
    let values = [
        ("coin_id", Value::Number(f64::from(id))),
        ("symbol", text("C")),
        ("name", text(name)),
        ("slug", text("c")),
        ("is_active", Value::Flag(true)),
    ];
    record(MarketKind::Map, &values)
}

fn feeling(updated_at: DateTime<Utc>, value: f64) -> Record {
    let values = [("update_time", Value::Instant(updated_at)), ("value", Value::Number(value))];
    record(MarketKind::FearAndGreed, &values)
}

/// A row of `kind` that has something in every column.
pub(super) fn full(kind: MarketKind) -> Record {
    let values = kind.description().fields.iter().enumerate().map(|(place, field)| {
        let number = f64::from(u32::try_from(place).expect("few")) + 1.0;
        Some(match field.form {
            domain::Form::Id | domain::Form::Count(_) => Value::Number(number),
            domain::Form::Money | domain::Form::Percent | domain::Form::Number => {
                Value::Number(-number * 1.000_000_000_000_1e-18)
            }
            domain::Form::Text => Value::Text(format!("{} 🪙\'\"", field.column)),
            domain::Form::Json => Value::Text(r#"[{"id":1,"weight":0.5},null]"#.to_owned()),
            domain::Form::Instant => Value::Instant(at(1) + chrono::TimeDelta::milliseconds(123)),
            domain::Form::Flag => Value::Flag(false),
        })
    });
    Record { values: values.collect() }
}

async fn load(lab: &impl StoreLab, chunk: &MarketChunk) -> Loaded {
    lab.store().load_market(chunk).await.expect("the chunk loads")
}

fn counts(loaded: &Loaded) -> (u64, u64, u64) {
    (loaded.written, loaded.unchanged, loaded.stale)
}

/// Each column of each kind gives back what was put in, and null.
pub async fn every_column_of_every_kind_is_kept(lab: &impl StoreLab) {
    for kind in MarketKind::ALL {
        let rows = vec![full(kind)];
        let mut chunk = market_chunk(kind, 0, 1, 1, rows.clone());
        assert_eq!(counts(&load(lab, &chunk).await), (1, 0, 0), "{kind}");
        assert_eq!(counts(&load(lab, &chunk).await), (0, 1, 0), "{kind}: again");
        let entries = lab.contents().market(kind).await;
        assert_eq!(entries.iter().map(|entry| entry.record.clone()).collect::<Vec<_>>(), rows, "{kind}");
        assert_eq!((entries[0].fetched_at, &entries[0].batch), (at(1), &chunk.head.page.batch));
        let is_list = kind.is_list();
        assert_eq!(entries[0].seen, is_list.then_some((at(0), at(0))));
        // Later, with nothing but what it must have.
        let fields = kind.description().fields;
        let kept =
            fields.iter().zip(full(kind).values).map(|(field, value)| value.filter(|_| field.is_required));
        chunk.records = vec![Record { values: kept.collect() }];
        chunk.head.page.fetched_at = at(9);
        let is_other = fields.iter().any(|field| !field.is_required);
        assert_eq!(
            counts(&load(lab, &chunk).await),
            (u64::from(is_other), u64::from(!is_other), 0),
            "{kind}"
        );
        assert_eq!(lab.contents().market(kind).await[0].record, chunk.records[0], "{kind}");
    }
}

/// Of one key the latest fetch stays, whatever comes after it; of equal ones the first, or a rebuild.
pub async fn of_one_key_the_latest_fetch_stays(lab: &impl StoreLab) {
    let kind = MarketKind::FearAndGreed;
    let of = |value, fetched_at| {
        let mut chunk = market_chunk(kind, 0, 1, 1, vec![feeling(at(0), value)]);
        chunk.head.page.fetched_at = at(fetched_at);
        chunk
    };
    let mut rebuild = of(4.0, 7);
    rebuild.head.page.origin = Origin::Rebuild;
    let mut replay = of(5.0, 7);
    replay.head.page.origin = Origin::Replay;
    for (chunk, counted, held) in [
        (of(1.0, 5), (1, 0, 0), 1.0),
        (of(2.0, 3), (0, 0, 1), 1.0),
        (of(3.0, 7), (1, 0, 0), 3.0),
        (replay, (0, 1, 0), 3.0),
        (rebuild, (1, 0, 0), 4.0),
        (of(6.0, 6), (0, 0, 1), 4.0),
    ] {
        assert_eq!(counts(&load(lab, &chunk).await), counted, "{held}");
        let entries = lab.contents().market(kind).await;
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].record, feeling(at(0), held));
    }
    // Another time is another row.
    load(lab, &market_chunk(kind, 60, 1, 1, vec![feeling(at(60), 50.0)])).await;
    assert_eq!(lab.contents().market(kind).await.len(), 2);
}

/// The line in the ledger is there with the rows, and how fresh the quotes are is another matter.
pub async fn rows_of_a_kind_have_their_line_in_the_ledger(lab: &impl StoreLab) {
    let kind = MarketKind::FearAndGreed;
    let chunk = market_chunk(kind, 0, 1, 1, vec![feeling(at(0), 1.0)]);
    load(lab, &chunk).await;
    load(lab, &chunk).await;
    let record = lab.store().batch(&chunk.head.page.batch).await.expect("answers").expect("is there");
    assert_eq!((record.endpoint.as_str(), record.convert.join(",").as_str()), ("fear-and-greed", "-"));
    assert_eq!((record.coins_in, record.written, record.loads), (1, 1, 2));
    assert!(record.is_complete());
    assert_eq!(lab.store().freshness().await.expect("answers"), ports::store::Freshness::default());
}

/// What the database refuses does not take the others with it.
pub async fn a_refused_row_of_a_list_leaves_the_others(lab: &impl StoreLab) {
    let rows = (0..=600).map(|id| mapped(id, "Coin")).collect();
    let loaded = load(lab, &market_chunk(MarketKind::Map, 0, 1, 1, rows)).await;
    assert_eq!((loaded.written, loaded.refused.len()), (600, 1));
    assert_eq!(loaded.refused[0].coin_id, 0);
    assert_eq!(lab.contents().market(MarketKind::Map).await.len(), 600);
}

/// A chunk may repeat a key: the first stays.
pub async fn a_chunk_of_a_kind_may_repeat_a_key(lab: &impl StoreLab) {
    let rows = vec![mapped(2, "Second"), mapped(1, "One"), mapped(2, "Again")];
    let loaded = load(lab, &market_chunk(MarketKind::Map, 0, 1, 1, rows)).await;
    assert_eq!(counts(&loaded), (2, 0, 0));
    let names: Vec<_> = lab.contents().market(MarketKind::Map).await;
    assert_eq!([&names[0].record, &names[1].record], [&mapped(1, "One"), &mapped(2, "Second")]);
}

/// Simulated and real data never share a store, whatever it is of.
pub async fn kinds_of_simulated_and_real_data_never_mix(lab: &impl StoreLab) {
    let mut simulated = market_chunk(MarketKind::FearAndGreed, 0, 1, 1, vec![feeling(at(0), 1.0)]);
    simulated.head.page.simulated = true;
    lab.store().load(&chunk(&[1])).await.expect("loads");
    let refused = lab.store().load_market(&simulated).await;
    assert!(matches!(refused, Err(StoreError::Mixed { simulated: true })), "{refused:?}");
    assert_eq!(lab.contents().market(MarketKind::FearAndGreed).await, []);
    assert_eq!(lab.store().batch(&simulated.head.page.batch).await.expect("answers"), None);
}

/// What comes of one map: its pages' chunks and its announcement.
#[derive(Clone)]
pub(super) enum Part {
    Chunk(MarketChunk),
    Fetched(Fetched),
}

/// The map that was due at `seconds`, with these coins on each page.
pub(super) fn map(seconds: i64, pages: &[&[u32]], verdict: Option<Doubt>) -> Vec<Part> {
    let all = u32::try_from(pages.len()).expect("few");
    let chunks: Vec<_> = (1..)
        .zip(pages)
        .map(|(page, ids)| {
            let rows = ids.iter().map(|id| mapped(*id, &format!("Coin {id} at {seconds}"))).collect();
            market_chunk(MarketKind::Map, seconds, page, all, rows)
        })
        .collect();
    let page = &chunks[0].head.page;
    let announcement = Fetched {
        batch: page.batch.clone(),
        slot: page.slot,
        endpoint: page.endpoint.clone(),
        convert: page.convert.clone(),
        fetched_at: page.fetched_at,
        verdict: verdict.map(|doubt| Verdict { doubt, why: "why".to_owned() }),
        ..fetched(all)
    };
    chunks.into_iter().map(Part::Chunk).chain([Part::Fetched(announcement)]).collect()
}

pub(super) async fn take(lab: &impl StoreLab, part: &Part) {
    match part {
        Part::Chunk(chunk) => drop(load(lab, chunk).await),
        Part::Fetched(fetched) => lab.store().record_fetched(fetched).await.expect("is recorded"),
    }
}

pub(super) async fn vanished(lab: &impl StoreLab) -> Vec<Vanished> {
    lab.contents().vanished().await
}

/// Not by the first of its pages, not by all of them before they are announced, and not when it is called incomplete.
pub async fn only_a_whole_map_tells_which_coins_vanished(lab: &impl StoreLab) {
    for part in map(0, &[&[1, 2], &[3, 4]], None) {
        take(lab, &part).await;
    }
    let none = [1, 2, 3, 4].map(|id| (id, None));
    assert_eq!(vanished(lab).await, none);
    for part in map(60, &[&[1], &[3]], Some(Doubt::Incomplete)) {
        take(lab, &part).await;
        assert_eq!(vanished(lab).await, none);
    }
    let parts = map(120, &[&[1], &[4]], Some(Doubt::Suspect));
    for part in &parts[..2] {
        take(lab, part).await;
        assert_eq!(vanished(lab).await, none);
    }
    take(lab, &parts[2]).await;
    let told = [(1, None), (2, Some(at(120))), (3, Some(at(120))), (4, None)];
    assert_eq!(vanished(lab).await, told);
    // A later announcement says that it was not whole.
    let Part::Fetched(fetched) = &parts[2] else { panic!("the announcement comes last") };
    let verdict = Some(Verdict { doubt: Doubt::Incomplete, why: "why".to_owned() });
    let later = Fetched { fetched_at: at(125), verdict, ..fetched.clone() };
    lab.store().record_fetched(&later).await.expect("is recorded");
    assert_eq!(vanished(lab).await, none);
}

/// Nothing is deleted, and a coin that comes back is there again.
pub async fn a_coin_that_comes_back_has_not_vanished(lab: &impl StoreLab) {
    for part in [map(0, &[&[1, 2]], None), map(60, &[&[1]], None)].concat() {
        take(lab, &part).await;
    }
    assert_eq!(vanished(lab).await, [(1, None), (2, Some(at(60)))]);
    let entry = lab.contents().market(MarketKind::Map).await.remove(1);
    assert_eq!((entry.record, entry.seen), (mapped(2, "Coin 2 at 0"), Some((at(0), at(0)))));
    for part in map(120, &[&[1, 2]], None) {
        take(lab, &part).await;
    }
    assert_eq!(vanished(lab).await, [(1, None), (2, None)]);
    assert_eq!(lab.contents().market(MarketKind::Map).await[1].seen, Some((at(0), at(120))));
}

/// In whatever order the parts of several maps come, and however often.
pub async fn any_order_of_maps_gives_the_same_activity(lab: &impl StoreLab) {
    let parts = [
        map(0, &[&[1, 2, 3], &[4, 5]], None),
        map(60, &[&[1, 2], &[4]], None),
        map(120, &[&[1, 2, 3], &[6]], Some(Doubt::Incomplete)),
        map(180, &[&[1], &[5, 6]], None),
    ];
    let parts = Dice::new(1).shuffle_with_repeats(&parts.concat());
    for part in &parts {
        take(lab, part).await;
    }
    let told = [(1, None), (2, Some(180)), (3, Some(180)), (4, Some(180)), (5, None), (6, None)];
    assert_eq!(vanished(lab).await, told.map(|(id, seconds)| (id, seconds.map(at))));
    let names: Vec<_> = lab.contents().market(MarketKind::Map).await;
    assert_eq!(names[2].record, mapped(3, "Coin 3 at 120"));
}
