use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::wire::RowsMessage;
use domain::{
    ApiVersion, BatchId, Chunk, Coin, CoinRow, Headers, Measure, MeasureSet, MessageId, Origin, PageMeta,
    Quote, Slot, timestamp,
};
use ports::{Ledger, Schedules};
use testkit::clock::ManualClock;
use testkit::memory::MemoryStore;

use super::*;

fn page(simulated: bool) -> PageMeta {
    let slot = Slot::at(timestamp::from_text("2026-11-22T14:00:00Z").unwrap());
    let convert = vec!["USD".to_owned()];
    PageMeta {
        batch: BatchId::new(slot, "listings", &convert),
        slot,
        page: 1,
        pages: 1,
        fetched_at: slot.starts_at(),
        endpoint: "listings".to_owned(),
        api_version: ApiVersion::V3,
        convert,
        currency: None,
        simulated,
        origin: Origin::Live,
    }
}

fn chunk(simulated: bool) -> Message {
    let page = page(simulated);
    let mut numbers = [None; Measure::COUNT];
    numbers[Measure::Price as usize] = Some(5e-18);
    let row = CoinRow {
        coin: Coin {
            id: 1,
            name: "Bitcoin".to_owned(),
            symbol: "BTC".to_owned(),
            slug: "bitcoin".to_owned(),
            date_added: None,
            platform_id: None,
            platform_name: None,
            token_address: None,
            tags: None,
            infinite_supply: None,
            is_active: None,
        }
        .into(),
        quotes: vec![Quote {
            currency: "USD".to_owned(),
            numbers,
            missing: MeasureSet::default(),
            last_updated: page.fetched_at,
        }],
    };
    let chunk = Chunk {
        transformed_at: page.fetched_at,
        page,
        chunk: 1,
        chunks: 1,
        size: None,
        sorted: false,
        replay: None,
        coins_in: 1,
        rejected: 0,
        rows: vec![row],
    };
    let headers = Headers::new().with(header::BATCH, &chunk.page.batch);
    Message { id: chunk.message_id(), headers, body: wire::encode_chunk(&chunk).into() }
}

fn decoded(message: &Message) -> Chunk {
    match wire::decode(&message.body).unwrap() {
        RowsMessage::Chunk(chunk) => chunk,
        RowsMessage::Fetched(_) | RowsMessage::Market(_) | RowsMessage::Schedule(_) => panic!("a chunk"),
    }
}

fn announcement(simulated: bool) -> Message {
    let PageMeta { batch, slot, endpoint, api_version, convert, fetched_at, pages, .. } = page(simulated);
    let (credits, verdict) = (25, None);
    let fetched = Fetched {
        batch,
        slot,
        endpoint,
        api_version,
        convert,
        fetched_at,
        pages,
        credits,
        simulated,
        verdict,
    };
    Message { id: fetched.message_id(), headers: Headers::new(), body: wire::encode_fetched(&fetched).into() }
}

fn bench() -> (Arc<MemoryStore>, Loader) {
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(MemoryStore::new(clock.clone()));
    (store.clone(), Loader::new(store, clock, &Metrics::default()))
}

#[tokio::test]
async fn a_chunk_and_its_announcement_complete_the_batch_in_either_order() {
    for messages in [[chunk(false), announcement(false)], [announcement(false), chunk(false)]] {
        let (store, loader) = bench();
        for message in &messages {
            assert_eq!(loader.handle(message).await, Ok(Vec::new()));
        }
        let batches = store.batches(10).await.unwrap();
        assert_eq!(batches.len(), 1);
        assert!(batches[0].is_complete(), "{:?}", batches[0]);
        assert_eq!((batches[0].credits, batches[0].written), (Some(25), 1));
    }
}

#[tokio::test]
async fn bytes_that_are_no_rows_message_are_poison_with_a_code_of_their_own() {
    let (_, loader) = bench();
    let good = chunk(false);
    let check = async |change: &dyn Fn(&mut Vec<u8>), expected: &str| {
        let mut message = good.clone();
        let mut body = message.body.to_vec();
        change(&mut body);
        message.body = body.into();
        match loader.handle(&message).await {
            Err(Failure::Reject { class: Class::Poison, code, reason }) => {
                assert_eq!(code, expected);
                assert!(reason.contains("2026-11-22T14:00:00Z/listings/USD"), "{reason}");
            }
            other => panic!("{expected}: {other:?}"),
        }
    };
    check(&|body| body.clear(), "not_a_rows_message").await;
    check(&|body| body[0] = 0, "not_a_rows_message").await;
    check(&|body| body[5] = 99, "unsupported_schema").await;
    check(&|body| body.push(0), "wrong_length").await;
    check(&|body| body[20] ^= 1, "wrong_checksum").await;
}

#[tokio::test]
async fn real_and_simulated_quotes_never_mix() {
    for stored_simulated in [true, false] {
        for late in [chunk(!stored_simulated), announcement(!stored_simulated)] {
            let (store, loader) = bench();
            loader.handle(&chunk(stored_simulated)).await.unwrap();
            let before = store.tables();
            match loader.handle(&late).await {
                // Made-up quotes are worth nothing; real ones were paid for and stay in the queue.
                Err(Failure::Reject { code: "mixed_origins", .. }) if !stored_simulated => {}
                Err(Failure::Fatal { reason }) if stored_simulated => {
                    assert!(reason.contains("COINPIPE__STORE__URL") && reason.contains("with your key once"));
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(store.tables(), before);
        }
    }
}

/// The ledger tells replays apart, and cuts of a page, by what only the headers say.
#[tokio::test]
async fn what_the_headers_say_of_a_chunk_reaches_the_ledger() {
    let (store, loader) = bench();
    let mut page = page(false);
    page.origin = Origin::Replay;
    let part = Chunk { page, chunk: 2, chunks: 2, ..decoded(&chunk(false)) };
    let message = |replay: &str, size: u32| Message {
        id: part.message_id(),
        headers: part.headers().with(header::REPLAY_ID, replay).with(header::CHUNK_COINS, size),
        body: wire::encode_chunk(&part).into(),
    };
    for (replay, size) in [("a", 10), ("a", 10), ("b", 10)] {
        loader.handle(&message(replay, size)).await.unwrap();
    }
    let mut other = message("b", 10);
    other.body = wire::encode_chunk(&Chunk { chunk: 1, ..part.clone() }).into();
    loader.handle(&other).await.unwrap();
    let record = store.batches(1).await.unwrap().remove(0);
    let replays: Vec<_> = record.page_replays[&1].iter().map(ToString::to_string).collect();
    assert_eq!((replays, record.coins_in, record.missing.len()), (vec!["b".to_owned()], 2, 0));
    let cut_anew =
        Chunk { transformed_at: part.transformed_at + chrono::TimeDelta::seconds(1), ..part.clone() };
    let mut message = message("c", 12);
    message.body = wire::encode_chunk(&cut_anew).into();
    loader.handle(&message).await.unwrap();
    let record = store.batches(1).await.unwrap().remove(0);
    assert_eq!((record.coins_in, record.missing.len()), (1, 1), "chunk 1 is of another cut: {record:?}");
}

#[tokio::test]
async fn a_store_that_is_away_is_an_outage_and_ready_says_when_it_is_back() {
    let (store, loader) = bench();
    store.set_available(false);
    assert!(matches!(loader.handle(&chunk(false)).await, Err(Failure::Outage { .. })));
    assert!(loader.ready().await.is_err());
    store.set_available(true);
    loader.ready().await.unwrap();
    loader.handle(&chunk(false)).await.unwrap();
}

/// A store whose database refuses one coin.
struct Refusing;

#[async_trait]
impl Store for Refusing {
    async fn prune_history(&self, _: DateTime<Utc>, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn load_all(&self, chunks: &[&Chunk]) -> Result<Vec<Loaded>, StoreError> {
        let refused = vec![ports::Refused { coin_id: 7, reason: "CHECK constraint failed".to_owned() }];
        Ok(chunks
            .iter()
            .map(|_| Loaded { written: 999, refused: refused.clone(), ..Loaded::default() })
            .collect())
    }

    async fn load_market(&self, chunk: &MarketChunk) -> Result<Loaded, StoreError> {
        self.load_all(&[&chunk.head]).await.map(|mut all| all.remove(0))
    }

    async fn record_fetched(&self, _: &Fetched) -> Result<(), StoreError> {
        Ok(())
    }

    async fn record_schedule(&self, _: &Schedule) -> Result<(), StoreError> {
        Ok(())
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn data_kinds(&self) -> Result<ports::DataKinds, StoreError> {
        Ok(ports::DataKinds::default())
    }
}

#[tokio::test]
async fn rows_that_the_database_refuses_are_kept_in_a_letter() {
    let clock = Arc::new(ManualClock::default());
    clock.advance(Duration::from_secs(5));
    let loader = Loader::new(Arc::new(Refusing), clock.clone(), &Metrics::default());
    let message = chunk(false);
    let outputs = loader.handle(&message).await.unwrap();
    assert_eq!(outputs.len(), 1);
    assert_eq!(outputs[0].to, QueueName::Dead);
    let letter = DeadLetter::from_message(outputs[0].message.clone(), clock.now());
    assert_eq!((letter.class, letter.code.as_str()), (Class::RejectedRows, "refused_by_store"));
    assert_eq!(letter.id, MessageId::new(format!("dead/loader/{}", message.id)));
    assert!(letter.reason.contains("coin 7") && letter.reason.contains("CHECK"), "{}", letter.reason);
    assert_eq!(letter.body, message.body);
}

/// Rows of a kind of the market go into its table, and their chunk into the ledger; what a later version knows is kept for it.
#[tokio::test]
async fn rows_of_a_kind_are_loaded_and_those_of_a_later_version_are_filed() {
    use testkit::contract::store::market::{mapped, market_chunk};
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let loader = Loader::new(store.clone(), clock, &Metrics::default());
    let chunk =
        market_chunk(domain::MarketKind::Map, 0, 1, 1, vec![mapped(1, "Bitcoin"), mapped(0, "No id")]);
    let message = |chunk: &MarketChunk| {
        let body = wire::encode_market(chunk).into();
        Message { id: chunk.head.message_id(), headers: chunk.head.headers(), body }
    };
    // Not even the wire takes a row without an id.
    let Err(Failure::Reject { code, .. }) = loader.handle(&message(&chunk)).await else {
        panic!("it was taken")
    };
    assert_eq!(code, "senseless");
    let good = MarketChunk { records: vec![mapped(1, "Bitcoin")], ..chunk.clone() };
    assert!(loader.handle(&message(&good)).await.unwrap().is_empty());
    let record = store.batch(&good.head.page.batch).await.unwrap().unwrap();
    assert_eq!((record.written, record.is_complete()), (1, true));
    let mut later = good;
    later.head.page.endpoint = "altcoin-season".to_owned();
    let Err(Failure::Reject { class, code, reason }) = loader.handle(&message(&later)).await else {
        panic!("it was taken")
    };
    assert_eq!((class, code), (Class::Poison, "unsupported_schema"));
    assert!(reason.contains("altcoin-season"), "{reason}");
}

/// It is told again and again, by whoever leads.
#[tokio::test]
async fn a_schedule_is_recorded_however_often_it_is_told() {
    let (store, loader) = bench();
    let at = |text| timestamp::from_text(text).unwrap();
    let schedule = Schedule {
        series: Schedule::QUOTES.to_owned(),
        endpoint: "listings".to_owned(),
        convert: vec!["USD".to_owned()],
        every: Duration::from_hours(1),
        coins: 4000,
        since: at("2026-11-22T13:50:07Z"),
        simulated: false,
        confirmed_at: at("2026-11-22T14:00:00Z"),
    };
    let again = Schedule { confirmed_at: at("2026-11-23T14:00:00Z"), ..schedule.clone() };
    for told in [&schedule, &again, &schedule] {
        let (id, body) = (told.message_id(), wire::encode_schedule(told).into());
        let message = Message { id, headers: Headers::new(), body };
        assert_eq!(loader.handle(&message).await, Ok(Vec::new()));
    }
    assert_eq!(store.schedules(Schedule::QUOTES, schedule.since).await.unwrap(), [again]);
}

/// It is settled, like any other, and counted.
#[tokio::test]
async fn a_chunk_of_a_dropped_batch_is_left_out() {
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let metrics = Metrics::default();
    let loader = Loader::new(store.clone(), clock, &metrics);
    loader.handle(&announcement(false)).await.unwrap();
    ports::Drops::mark_dropped(&*store, &page(false).batch, "nonsense").await.unwrap().unwrap();
    assert!(loader.handle(&chunk(false)).await.unwrap().is_empty());
    assert_eq!(store.latest(), []);
    let shown = metrics.render();
    assert!(shown.contains(r#"result="dropped"} 1"#), "{shown}");
}
