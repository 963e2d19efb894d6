use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::envelope::{ENVELOPE_VERSION, MAGIC};
use super::*;
use crate::coin::CoinRow;
use crate::origin::Origin;

fn decode(bytes: &[u8]) -> Result<RowsMessage, WireError> {
    super::decode(&Bytes::copy_from_slice(bytes))
}
use crate::api_version::ApiVersion;
use crate::batch::BatchId;
use crate::coin::Coin;
use crate::measure::{Measure, MeasureSet};
use crate::page::PageMeta;
use crate::quote::Quote;
use crate::slot::Slot;
use crate::timestamp;
use crate::verdict::{Doubt, Verdict};

fn at(text: &str) -> DateTime<Utc> {
    timestamp::from_text(text).unwrap()
}

/// The chunk whose bytes are frozen below. Never change it: add another for a new schema. Schemas 1 and 3 have no name of the
/// platform, and 17 numbers.
fn golden_chunk() -> Chunk {
    let convert = vec!["USD".to_owned()];
    let slot = Slot::at(at("2026-11-22T14:00:00Z"));
    let mut numbers = [None; Measure::COUNT];
    numbers[Measure::Price as usize] = Some(5e-18);
    numbers[Measure::MarketCap as usize] = Some(0.0);
    numbers[Measure::CmcRank as usize] = Some(42.0);
    Chunk {
        page: PageMeta {
            batch: BatchId::new(slot, "listings", &convert),
            slot,
            page: 1,
            pages: 2,
            fetched_at: at("2026-11-22T14:00:01.234Z"),
            endpoint: "listings".to_owned(),
            api_version: ApiVersion::V3,
            convert,
            currency: None,
            simulated: false,
            origin: Origin::Live,
        },
        chunk: 1,
        chunks: 5,
        size: None,
        sorted: false,
        replay: None,
        transformed_at: at("2026-11-22T14:00:02Z"),
        coins_in: 3,
        rejected: 2,
        rows: vec![CoinRow {
            coin: Coin {
                id: 825,
                name: "Tether, USDt 🪙".to_owned(),
                symbol: "USDT".to_owned(),
                slug: "tether".to_owned(),
                date_added: Some(at("2015-02-25T00:00:00Z")),
                platform_id: Some(1027),
                platform_name: None,
                token_address: Some("0xdac1".to_owned()),
                tags: Some(vec!["stablecoin".to_owned()]),
                infinite_supply: Some(true),
                is_active: None,
            }
            .into(),
            quotes: vec![Quote {
                currency: "USD".to_owned(),
                numbers,
                missing: [Measure::MaxSupply].into_iter().collect(),
                last_updated: at("2026-11-22T13:59:00Z"),
            }],
        }],
    }
}

/// As schema 5 has it.
fn golden_chunk_v2() -> Chunk {
    let mut chunk = golden_chunk();
    chunk.page.origin = Origin::Rebuild;
    chunk.rows[0].coin.platform_name = Some("Ethereum".to_owned());
    let quote = &mut chunk.rows[0].quotes[0];
    quote.numbers[Measure::SelfReportedCirculatingSupply as usize] = Some(655e6);
    quote.numbers[Measure::SelfReportedMarketCap as usize] = Some(668_100_000.5);
    quote.missing.insert(Measure::Tvl);
    chunk
}

fn golden_fetched() -> Fetched {
    let page = golden_chunk().page;
    Fetched {
        batch: page.batch,
        slot: page.slot,
        endpoint: page.endpoint,
        api_version: ApiVersion::V1,
        convert: page.convert,
        fetched_at: page.fetched_at,
        pages: 2,
        credits: 25,
        simulated: true,
        verdict: None,
    }
}

fn golden_judged() -> Fetched {
    let verdict = Verdict { doubt: Doubt::Incomplete, why: "short_listing: 7 of 200 coins".to_owned() };
    Fetched { verdict: Some(verdict), ..golden_fetched() }
}

fn golden_schedule() -> Schedule {
    Schedule {
        series: Schedule::QUOTES.to_owned(),
        endpoint: "listings".to_owned(),
        convert: vec!["USD".to_owned(), "EUR".to_owned()],
        every: std::time::Duration::from_hours(1),
        coins: 4000,
        since: at("2026-11-22T13:50:07Z"),
        simulated: true,
        confirmed_at: at("2026-11-22T14:00:01.234Z"),
    }
}

const GOLDEN_CHUNK_V1: &str = include_str!("golden/chunk_v1.hex");
const GOLDEN_CHUNK_V2: &str = include_str!("golden/chunk_v2.hex");
const GOLDEN_REBUILT_V1: &str = include_str!("golden/rebuilt_v1.hex");
const GOLDEN_FETCHED_V1: &str = include_str!("golden/fetched_v1.hex");
const GOLDEN_JUDGED_V1: &str = include_str!("golden/judged_v1.hex");
const GOLDEN_SCHEDULE_V1: &str = include_str!("golden/schedule_v1.hex");

pub(super) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn golden_bytes_of_every_schema_still_decode_and_the_newest_are_written() {
    let chunk = golden_chunk();
    assert_eq!(decode(&unhex(GOLDEN_CHUNK_V1)), Ok(RowsMessage::Chunk(chunk)));
    let chunk = golden_chunk_v2();
    assert_eq!(encode_chunk(&chunk), unhex(GOLDEN_CHUNK_V2), "bytes changed: make a new schema id instead");
    assert_eq!(decode(&unhex(GOLDEN_CHUNK_V2)), Ok(RowsMessage::Chunk(chunk)));
    let mut rebuilt = golden_chunk();
    rebuilt.page.origin = Origin::Rebuild;
    assert_eq!(decode(&unhex(GOLDEN_REBUILT_V1)), Ok(RowsMessage::Chunk(rebuilt)));
    let fetched = golden_fetched();
    assert_eq!(encode_fetched(&fetched), unhex(GOLDEN_FETCHED_V1));
    assert_eq!(decode(&unhex(GOLDEN_FETCHED_V1)), Ok(RowsMessage::Fetched(fetched)));
    let judged = golden_judged();
    assert_eq!(encode_fetched(&judged), unhex(GOLDEN_JUDGED_V1));
    assert_eq!(decode(&unhex(GOLDEN_JUDGED_V1)), Ok(RowsMessage::Fetched(judged)));
    let schedule = golden_schedule();
    assert_eq!(encode_schedule(&schedule), unhex(GOLDEN_SCHEDULE_V1));
    assert_eq!(decode(&unhex(GOLDEN_SCHEDULE_V1)), Ok(RowsMessage::Schedule(schedule)));
}

/// The bytes tell a replay; what else fills a gap is known by what it is of.
#[test]
fn a_chunk_of_the_history_is_known_by_its_endpoint() {
    let mut chunk = golden_chunk();
    crate::endpoint::HISTORY.clone_into(&mut chunk.page.endpoint);
    for origin in [Origin::Backfill, Origin::Replay, Origin::Rebuild] {
        chunk.page.origin = origin;
        assert_eq!(decode(&encode_chunk(&chunk)), Ok(RowsMessage::Chunk(chunk.clone())));
    }
}

#[test]
fn every_kind_of_damage_is_an_error_of_its_own() {
    let good = encode_chunk(&golden_chunk());
    let damaged = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        decode(&bytes).unwrap_err()
    };
    assert_eq!(decode(&[]).unwrap_err(), WireError::TooShort(0));
    assert_eq!(damaged(&|bytes| bytes[0] = b'X'), WireError::NotOurs);
    assert_eq!(damaged(&|bytes| bytes[4] = 2), WireError::EnvelopeVersion(2));
    assert_eq!(damaged(&|bytes| bytes[5] = 9), WireError::UnsupportedSchema(9));
    assert!(matches!(damaged(&|bytes| bytes.push(0)), WireError::Length { .. }));
    assert!(matches!(damaged(&|bytes| bytes[10] = 0xff), WireError::Length { .. }));
    assert_eq!(damaged(&|bytes| *bytes.last_mut().unwrap() ^= 1), WireError::Checksum);
    assert_eq!(damaged(&|bytes| bytes.truncate(20)).code(), "wrong_length");
}

/// A few bytes of a hostile message may stand for hundreds in memory; real rows take about twice their bytes.
#[test]
fn what_would_fill_the_memory_is_given_up() {
    let refused = |change: &dyn Fn(&mut Chunk)| {
        let mut chunk = golden_chunk();
        change(&mut chunk);
        decode(&encode_chunk(&chunk)).unwrap_err().code()
    };
    let row = &golden_chunk().rows[0];
    let coin = |tags| Coin { tags, ..row.coin.clone().into_inner() }.into();
    let empty = CoinRow { quotes: Vec::new(), coin: coin(None) };
    assert_eq!(refused(&|chunk| chunk.rows = vec![empty.clone(); 200_000]), "too_dense");
    let with_tags = CoinRow { coin: coin(Some(vec![String::new(); 1000])), ..row.clone() };
    assert_eq!(refused(&|chunk| chunk.rows = vec![with_tags.clone(); 2000]), "too_dense");
    assert_eq!(
        refused(&|chunk| chunk.rows[0].coin.tags = Some(vec![String::new(); 1_000_000])),
        "undecodable"
    );
    let quote = &row.quotes[0];
    assert_eq!(refused(&|chunk| chunk.rows[0].quotes = vec![quote.clone(); 100_000]), "undecodable");
    assert_eq!(refused(&|chunk| chunk.page.convert = vec![String::new(); 1_000_000]), "undecodable");
    let fetched = Fetched { convert: vec![String::new(); 1_000_000], ..golden_fetched() };
    assert_eq!(decode(&encode_fetched(&fetched)).unwrap_err().code(), "undecodable");
}

/// Whatever was read before, each chunk says what its own bytes say; coins that are described alike are one in memory.
#[test]
fn coins_described_alike_are_read_once() {
    let open = |chunk: &Chunk| match open(&encode_chunk(chunk).into()) {
        Ok(UnreadMessage::Chunk(unread)) => unread,
        other => panic!("{other:?}"),
    };
    let first = golden_chunk();
    let mut second = golden_chunk();
    second.rows[0].quotes[0].numbers[0] = Some(2.0);
    let mut renamed = golden_chunk();
    "Tether".clone_into(&mut renamed.rows[0].coin.name);
    let mut descriptions = Descriptions::default();
    let read: Vec<Chunk> = [&first, &second, &renamed, &first]
        .map(|chunk| {
            let read = open(chunk).read(&mut descriptions).unwrap();
            assert_eq!(read, *chunk);
            read
        })
        .into();
    let coin = |chunk: usize| std::ptr::from_ref::<Coin>(&read[chunk].rows[0].coin);
    assert_eq!(coin(0), coin(1));
    assert_ne!(coin(1), coin(2));
    // What was changed afterwards changes no other.
    let mut changed = read[0].clone();
    changed.rows[0].coin.name.clear();
    assert_eq!(read[1], second);
}

/// The largest that we make: 1,000 coins in as many currencies as the API has in one answer.
#[test]
fn a_chunk_in_many_currencies_is_not_too_much() {
    let mut chunk = golden_chunk();
    let quote = Quote { numbers: [Some(0.1); Measure::COUNT], ..chunk.rows[0].quotes[0].clone() };
    chunk.rows[0].quotes = vec![quote; 120];
    chunk.rows = vec![chunk.rows[0].clone(); 1000];
    assert_eq!(decode(&encode_chunk(&chunk)), Ok(RowsMessage::Chunk(chunk)));
}

#[test]
fn a_length_that_is_not_there_costs_nothing() {
    let mut chunk = golden_chunk();
    chunk.rows.clear();
    let mut payload = encode_chunk(&chunk).split_off(HEADER_BYTES);
    assert_eq!(payload.pop(), Some(0), "the number of rows");
    // Two to the 64th rows, less one, of which the first has a name of 60 MB.
    payload.extend([253, 255, 255, 255, 255, 255, 255, 255, 255]);
    payload.extend([1, 252]);
    payload.extend(60_000_000_u32.to_le_bytes());
    let mut message = seal(SCHEMA_CHUNK_V2, &());
    message.extend(&payload);
    let (length, checksum) = (u32::try_from(payload.len()).unwrap(), crc32c(&payload));
    message[7..11].copy_from_slice(&length.to_le_bytes());
    message[11..15].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!(decode(&message).unwrap_err().code(), "undecodable");
}

#[test]
fn what_no_table_could_take_is_senseless() {
    let refused = |change: &dyn Fn(&mut Chunk)| {
        let mut chunk = golden_chunk();
        change(&mut chunk);
        decode(&encode_chunk(&chunk)).unwrap_err().code()
    };
    assert_eq!(refused(&|chunk| chunk.page.batch = BatchId::from_stored("b".repeat(3000))), "senseless");
    assert_eq!(refused(&|chunk| chunk.page.endpoint.clear()), "senseless");
    assert_eq!(refused(&|chunk| chunk.page.pages = 10_001), "senseless");
    assert_eq!(refused(&|chunk| chunk.chunks = 10_001), "senseless");
    assert_eq!(
        refused(
            &|chunk| chunk.page.fetched_at = DateTime::<Utc>::UNIX_EPOCH - chrono::TimeDelta::days(365_000)
        ),
        "senseless"
    );
    let long = || "x".repeat(5000);
    assert_eq!(refused(&|chunk| chunk.rows[0].coin.name = long()), "senseless");
    assert_eq!(refused(&|chunk| chunk.rows[0].coin.platform_name = Some(long())), "senseless");
    assert_eq!(refused(&|chunk| chunk.rows[0].coin.tags = Some(vec![long()])), "senseless");
    assert_eq!(refused(&|chunk| chunk.rows[0].quotes[0].currency = long()), "senseless");
    for why in ["x".repeat(2001), "two\nlines".to_owned()] {
        let verdict = Some(Verdict { doubt: Doubt::Suspect, why });
        let judged = Fetched { verdict, ..golden_fetched() };
        assert_eq!(decode(&encode_fetched(&judged)).unwrap_err().code(), "senseless");
    }
    let schedules = [
        Schedule { series: String::new(), ..golden_schedule() },
        Schedule { endpoint: long(), ..golden_schedule() },
        Schedule { every: std::time::Duration::ZERO, ..golden_schedule() },
        Schedule { every: std::time::Duration::from_secs(u64::MAX), ..golden_schedule() },
        Schedule { since: at("2026-11-22T13:50:07.001Z"), ..golden_schedule() },
        Schedule { confirmed_at: at("0999-12-31T00:00:00Z"), ..golden_schedule() },
    ];
    for schedule in schedules {
        assert_eq!(decode(&encode_schedule(&schedule)).unwrap_err().code(), "senseless", "{schedule:?}");
    }
    let fetched = Fetched { pages: 4_000_000_000, ..golden_fetched() };
    assert_eq!(decode(&encode_fetched(&fetched)).unwrap_err().code(), "senseless");
}

#[test]
fn a_payload_that_does_not_fit_its_schema_is_an_error_even_with_a_right_checksum() {
    // A vector that claims 2^64-1 elements, and a chunk numbered 7 of 5.
    let hostile = seal(SCHEMA_CHUNK_V1, &("b", 0_i64, 1_u32, 1_u32, 0_i64, "e", 1_u8, u64::MAX));
    assert!(matches!(decode(&hostile), Err(WireError::Payload(_))));
    let mut chunk = golden_chunk();
    chunk.chunk = 7;
    assert!(matches!(decode(&encode_chunk(&chunk)), Err(WireError::Senseless(_))));
    let mut nan = golden_chunk();
    nan.rows[0].quotes[0].numbers[0] = Some(f64::NAN);
    assert_eq!(decode(&encode_chunk(&nan)), Err(WireError::Senseless("a number is not finite")));
    let mut trailing = encode_chunk(&Chunk { rows: Vec::new(), ..golden_chunk() });
    trailing.push(1);
    envelope::seal(&mut trailing, SCHEMA_CHUNK_V2);
    assert!(matches!(decode(&trailing), Err(WireError::Length { .. })));
}

fn any_number() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        Just(None),
        Just(Some(0.0)),
        any::<f64>().prop_map(|number| number.is_finite().then_some(number)),
        (5e-18..1e6).prop_map(Some),
    ]
}

prop_compose! {
    fn any_row()(
        id in any::<u32>(),
        name in ".*",
        symbol in ".{0,12}",
        numbers in prop::collection::vec(any_number(), Measure::COUNT),
        missing in any::<u32>(),
        millis in 0_i64..4_102_444_800_000,
        tags in prop::option::of(prop::collection::vec(".{0,8}", 0..4)),
        flags in any::<(Option<bool>, Option<bool>, Option<u32>)>(),
    ) -> CoinRow {
        let at = DateTime::from_timestamp_millis(millis).unwrap();
        CoinRow {
            coin: Coin {
                id, name, slug: symbol.clone(), symbol, date_added: Some(at), platform_id: flags.2,
                platform_name: None, token_address: None, tags, infinite_supply: flags.0, is_active: flags.1,
            }
            .into(),
            quotes: vec![Quote {
                currency: "USD".to_owned(),
                numbers: numbers.try_into().unwrap(),
                missing: MeasureSet::from_bits(missing),
                last_updated: at,
            }],
        }
    }
}

proptest! {
    #[test]
    fn any_chunk_survives_the_wire_bit_for_bit(rows in prop::collection::vec(any_row(), 0..8)) {
        let chunk = Chunk { rows, ..golden_chunk() };
        let decoded = decode(&encode_chunk(&chunk)).unwrap();
        // Debug prints the shortest text that reads back to the same bits, and tells 0.0 from -0.0.
        prop_assert_eq!(format!("{decoded:?}"), format!("{:?}", RowsMessage::Chunk(chunk)));
    }

    #[test]
    fn rubbish_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), schema in 0_u16..9) {
        let _ = decode(&bytes);
        let mut sealed = vec![0; HEADER_BYTES];
        sealed[..4].copy_from_slice(&MAGIC);
        sealed[4] = ENVELOPE_VERSION;
        sealed[5..7].copy_from_slice(&schema.to_le_bytes());
        sealed[7..11].copy_from_slice(&u32::try_from(bytes.len()).unwrap().to_le_bytes());
        sealed[11..15].copy_from_slice(&crc32c(&bytes).to_le_bytes());
        sealed.extend(bytes);
        let _ = decode(&sealed);
    }
}
