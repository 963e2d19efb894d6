//! Messages of a few MB that become much more when they are read, each in its own way.

use domain::wire::{RowsMessage, decode, encode_chunk};
use domain::{Chunk, Measure, Message, MessageId, header};
use ports::QueueName;

use super::{MIB, Place, Servers, Stages, market, page_with};
use crate::oracle;

/// The size of a page, decoded.
const BYTES: usize = 8 * MIB;

/// As many of `element` as a page takes.
fn page_of(element: &str) -> String {
    let elements = vec![element; BYTES / (element.len() + 1)].join(",");
    format!(r#"{{"status":{{"error_code":0}},"data":[{elements}]}}"#)
}

/// A page of one coin, which is large.
fn page_of_one(coin: &str) -> String {
    format!(r#"{{"status":{{"error_code":0}},"data":[{coin}]}}"#)
}

fn repeat(text: &str) -> String {
    text.repeat(BYTES / text.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_no_shape_of_a_page_takes_more_than_it_may() {
    let place = Place::embedded(1000).await;
    let stages = Stages::start(&place, &["transformer", "alerter"]).await;
    let coin = r#""id":1,"name":"a","symbol":"a","slug":"a""#;
    let quote = r#"{"symbol":"USD","price":-1,"last_updated":"2026-11-22T01:00:00Z"}"#;
    let currencies: Vec<_> = (0..150).map(|n| format!("C{n}")).collect();
    let tiny = currencies.iter().map(|name| format!(r#""{name}":{{"last_updated":"2026-11-22T01:00:00Z"}}"#));
    let tiny = tiny.collect::<Vec<_>>().join(",");
    let tags = vec![r#""""#; 1000].join(",");
    let pages = [
        ("too_many_coins", page_of(r#"{"id":1}"#)),
        ("too_dense", page_of(&format!(r#"{{{coin},"tags":[{tags}],"quote":[{quote}]}}"#))),
        ("too_dense", page_of(&format!(r#"{{{coin},"quote":{{{tiny}}}}}"#))),
        (
            "price_negative",
            page_of(&format!(r#"{{{coin},"more":"{}","quote":[{quote}]}}"#, "x".repeat(1000))),
        ),
        ("currency_missing", page_of_one(&format!("{{{}{coin}}}", repeat(r#""":0,"#)))),
        ("currency_missing", page_of_one(&format!(r#"{{{coin},"tags":[{}0]}}"#, repeat("0,")))),
        ("currency_missing", page_of_one(&format!(r#"{{{coin},"quote":[{}0]}}"#, repeat("0,")))),
        ("currency_missing", page_of_one(&format!(r#"{{{coin},"quote":{{{}"":0}}}}"#, repeat(r#""":0,"#)))),
        ("text_too_long", page_of_one(&format!(r#"{{"id":1,"name":"{}"}}"#, repeat(r"\u0001")))),
        ("not_a_coin", page_of_one(&format!("{}{}", "[".repeat(BYTES / 2), "]".repeat(BYTES / 2)))),
        ("bad_json", format!(r#"{{"data":{}"#, repeat("["))),
        ("source_error", format!(r#"{{"status":{{"error_code":[{}0]}}}}"#, repeat("0,"))),
    ];
    for (number, (code, body)) in (1..).zip(pages) {
        let mut page = page_with(number, &body);
        let convert = if body.contains("C149") { currencies.join(",") } else { "USD".to_owned() };
        page.headers.set(header::CONVERT, convert);
        stages.take(&place, QueueName::Raw, page, body.len(), Some(code)).await;
    }
}

/// A chunk of one coin of the market, with as many of something as asked for.
async fn chunk(change: impl FnOnce(&mut Chunk)) -> Message {
    let mut chunk = oracle::chunks(1, 1).await.swap_remove(0);
    change(&mut chunk);
    let id = MessageId::new(format!("chunk/{}", chunk.rows.len()));
    let headers = market::page(1, domain::Origin::Live).headers;
    Message { id, headers, body: encode_chunk(&chunk).into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_no_shape_of_a_chunk_takes_more_than_it_may() {
    no_shape_of_a_chunk_takes_more_than_it_may(&Place::embedded(1000).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_no_shape_of_a_chunk_takes_more_than_it_may() {
    let Some(servers) = Servers::start().await else { return };
    no_shape_of_a_chunk_takes_more_than_it_may(&Place::on(&servers, 1000).await).await;
}

async fn no_shape_of_a_chunk_takes_more_than_it_may(place: &Place) {
    let stages = Stages::start(place, &["transformer", "loader", "alerter"]).await;
    let empty = chunk(|chunk| {
        let row = &mut chunk.rows[0];
        (row.quotes, row.coin.tags) = (Vec::new(), None);
        let coin = &mut *row.coin;
        for text in [&mut coin.name, &mut coin.symbol, &mut coin.slug] {
            text.clear();
        }
        chunk.rows = vec![row.clone(); 400_000];
    })
    .await;
    let tags = chunk(|chunk| {
        chunk.rows[0].coin.tags = Some(vec![String::new(); 1000]);
        chunk.rows = vec![chunk.rows[0].clone(); 2000];
    })
    .await;
    for message in [empty, tags] {
        let bytes = message.body.len();
        stages.take(place, QueueName::Rows, message, bytes, Some("too_dense")).await;
    }
    // One as a user may have it: 200 coins in as many currencies as the API has in one answer.
    let wide = chunk(|chunk| {
        let (row, numbers) = (chunk.rows[0].clone(), [Some(1.0); Measure::COUNT]);
        chunk.rows.clear();
        for id in 1..=200 {
            let mut row = row.clone();
            row.coin.id = id;
            let quote = domain::Quote { numbers, ..row.quotes[0].clone() };
            row.quotes =
                (0..120).map(|n| domain::Quote { currency: format!("C{n}"), ..quote.clone() }).collect();
            chunk.rows.push(row);
        }
    })
    .await;
    assert!(matches!(decode(&wide.body), Ok(RowsMessage::Chunk(_))));
    let bytes = wide.body.len();
    stages.take(place, QueueName::Rows, wide, bytes, None).await;
    let quotes = place.store.tables().await.latest.len();
    assert!(quotes >= 200 * 120, "{quotes} quotes are loaded");
}
