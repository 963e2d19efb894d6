//! A page that can never be archived becomes a letter, and holds up neither other pages nor its publisher.

use std::sync::Arc;
use std::time::Duration;

use domain::{Class, DeadLetter, MessageId, StageName, header};
use lapin::options::{BasicPublishOptions, ExchangeDeleteOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};
use ports::{Clock, QueueName, Settlement, SystemClock};
use testkit::contract::queue::QueueLab;

use super::archive::{archived, archiving_through_a_proxy, page, ready, until_archived};
use super::{Lab, lab, next, options, until};
use crate::RabbitQueue;

/// The smallest frame size that brokers agree to.
const SMALL_FRAMES: u32 = 8192;
/// The size of a header that fits such a frame, and leaves no room for what we add.
const LARGE: usize = 7_600;

/// Publishes a message on the queue *unarchived*, with an old timestamp, as anybody may.
async fn publish_unarchived(lab: &Lab, channel: &Channel, id: &str, headers: &[(&str, &str)]) {
    publish_unarchived_at(0, lab, channel, id, headers).await;
}

/// The same with this timestamp, in seconds since 1970.
async fn publish_unarchived_at(at: u64, lab: &Lab, channel: &Channel, id: &str, headers: &[(&str, &str)]) {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), AMQPValue::LongString((*value).into()));
    }
    let properties = BasicProperties::default()
        .with_message_id(id.into())
        .with_timestamp(at)
        .with_delivery_mode(2)
        .with_headers(table);
    let (exchange, options) = (lab.name("raw.unarchived"), BasicPublishOptions::default());
    let sent = channel.basic_publish(exchange, "".into(), options, b"body", properties);
    sent.await.unwrap().await.unwrap();
}

/// The next `count` letters, by their ids.
async fn letters(lab: &Lab, count: usize) -> Vec<DeadLetter> {
    let mut dead = lab.queue().consume(QueueName::Dead, 4).await.unwrap();
    let mut letters = Vec::new();
    for _ in 0..count {
        let delivery = next(&mut dead).await;
        letters.push(DeadLetter::from_message(delivery.message().clone(), SystemClock.now()));
        delivery.settle(Settlement::Done).await.unwrap();
    }
    letters.sort_by(|a, b| a.id.cmp(&b.id));
    letters
}

fn assert_filed(letter: &DeadLetter, id: &str, why: &str) {
    assert_eq!(letter.id, DeadLetter::id_for(StageName::Fetcher, &MessageId::new(id)), "{letter:?}");
    assert_eq!((letter.class, &*letter.code), (Class::Poison, "cannot_be_archived"), "{letter:?}");
    assert!(letter.reason.contains(why), "{letter:?}");
}

/// A page whose headers fit a frame, and no more fit beside them.
#[tokio::test]
async fn what_can_never_be_appended_does_not_hold_up_the_others() {
    let Some(mut options) = options() else { return };
    options.uri.query.frame_max = Some(SMALL_FRAMES);
    let lab = Lab::new(options);
    let queue = lab.queue();
    lab.process().connect().await.unwrap();
    let (_session, channel) = lab.beside().await;
    let (large, good) = ("x".repeat(LARGE), page("any"));
    let good: Vec<_> = good.headers.iter().collect();
    let poison: Vec<_> = good.iter().copied().chain([("a-large", &*large)]).collect();
    for id in ["late-1", "late-2"] {
        publish_unarchived(&lab, &channel, &format!("{id}-poison"), &poison).await;
        publish_unarchived(&lab, &channel, id, &good).await;
    }
    queue.publish(QueueName::Raw, &[page("live-1")]).await.unwrap();
    let filed = letters(&lab, 2).await;
    for (letter, id) in filed.iter().zip(["late-1-poison", "late-2-poison"]) {
        assert_filed(letter, id, "fit a frame");
        assert_eq!((&*letter.body, letter.headers.get(header::PAGE)), (&b"body"[..], Some("1")));
        let left_out = letter.headers.get(header::UNREADABLE).expect("it does not say what is missing");
        assert!(left_out.contains("a-large"), "{left_out}");
    }
    until("all of it is seen to", async || {
        (ready(&channel, lab.name("raw.unarchived")).await == 0).then_some(())
    })
    .await;
    // The archive was never taken for away.
    queue.publish(QueueName::Raw, &[page("live-2")]).await.unwrap();
    let live = ["live-1", "live-2"].map(str::to_owned);
    let mut seen = archived(&*lab.process()).await.unwrap();
    assert_eq!(seen.iter().filter(|id| live.contains(id)).count(), 2, "{seen:?}");
    seen.retain(|id| !live.contains(id));
    assert_eq!(seen, ["late-1", "late-2"]);
}

/// The work queue takes a page on a connection with larger frames, and the archive cannot take it.
#[tokio::test]
async fn a_live_page_that_can_never_be_archived_is_published_and_a_letter() {
    let Some(options) = options() else { return };
    let mut archive = options.clone();
    archive.uri.query.frame_max = Some(SMALL_FRAMES);
    let lab = Lab::new(options.clone());
    let process = RabbitQueue::with_archive_at(Arc::new(options), &archive, Arc::new(SystemClock)).unwrap();
    lab.processes.lock().unwrap().push(Arc::new(process));
    let queue = lab.queue();
    let mut large = page("large");
    large.headers.set("a-large", "x".repeat(LARGE));
    let pages = [page("before"), large, page("after")];
    queue.publish(QueueName::Raw, &pages).await.unwrap();
    super::faults::drain(&queue, QueueName::Raw, super::faults::ids(&pages)).await;
    let filed = letters(&lab, 1).await;
    assert_filed(&filed[0], "large", "fit a frame");
    assert_eq!(filed[0].body, pages[1].body);
    until_archived(&lab, &["before", "after"]).await;
}

/// Anybody with the permission can publish on the queue *unarchived*.
#[tokio::test]
async fn what_is_no_live_page_is_not_archived() {
    let Some(lab) = lab().await else { return };
    let queue = lab.queue();
    lab.process().connect().await.unwrap();
    let (_session, channel) = lab.beside().await;
    let good = page("any");
    let good: Vec<_> = good.headers.iter().collect();
    let with = |name: &'static str, value: &'static str| {
        let others = good.iter().copied().filter(move |(other, _)| *other != name);
        others.chain([(name, value)]).collect::<Vec<_>>()
    };
    publish_unarchived(&lab, &channel, "1-nothing", &[]).await;
    publish_unarchived(&lab, &channel, "2-replay", &with(header::ORIGIN, "replay")).await;
    publish_unarchived(&lab, &channel, "3-senseless", &with(header::PAGE, "many")).await;
    publish_unarchived(&lab, &channel, "4-unreadable", &with(header::UNREADABLE, "\\xff")).await;
    publish_unarchived(&lab, &channel, "5-good", &good).await;
    queue.publish(QueueName::Raw, &[page("live")]).await.unwrap();
    let filed = letters(&lab, 4).await;
    assert_filed(&filed[0], "1-nothing", "no live page");
    assert_filed(&filed[1], "2-replay", "no live page");
    assert_filed(&filed[2], "3-senseless", "x-page");
    assert_filed(&filed[3], "4-unreadable", "cannot be read");
    until("the good one is archived", async || {
        let mut seen = archived(&*lab.process()).await.ok()?;
        seen.sort();
        (seen == ["5-good", "live"]).then_some(())
    })
    .await;
}

/// A page that was found in the archive is not appended, even when the remembered ids are full.
#[tokio::test]
async fn found_pages_are_not_forgotten_before_appending() {
    let Some(lab) = lab().await else { return };
    let pages: Vec<_> = (0..4).map(page).collect();
    lab.queue().publish(QueueName::Raw, &pages[1..]).await.unwrap();
    lab.crash().await;
    let process = lab.process();
    let writer = process.raw().writer();
    {
        let mut archived = writer.archived().lock().await;
        for n in 1..crate::archive::MOST {
            archived.insert(MessageId::new(format!("other-{n}")));
        }
    }
    let session = writer.connection().session().await.unwrap();
    writer.append_late(&session, &pages).await.unwrap();
    assert_eq!(archived(&*lab.process()).await.unwrap(), ["1", "2", "3", "0"]);
}

/// Two processes, the first of which consumes the queue *unarchived*. Its session ends while it waits to look a page up, and
/// the second one gets that page, to be looked up at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_whose_session_ended_appends_nothing() {
    let Some(mut options) = options() else { return };
    options.archive_pause = Duration::from_secs(1);
    let lab = Lab::new(options);
    let first = lab.process();
    lab.start();
    let (_session, channel) = lab.beside().await;
    first.connect().await.unwrap();
    first.raw().keep_catching_up();
    until("it consumes", async || (consumers(&channel, &lab).await == 1).then_some(())).await;
    lab.process().connect().await.unwrap();
    lab.process().raw().keep_catching_up();
    let good = page("any");
    let good: Vec<_> = good.headers.iter().collect();
    let now = SystemClock.now().timestamp().unsigned_abs();
    publish_unarchived_at(now, &lab, &channel, "held", &good).await;
    until("the first has it", async || {
        (ready(&channel, lab.name("raw.unarchived")).await == 0).then_some(())
    })
    .await;
    first.raw().writer().connection().alive().expect("it consumes").abort();
    publish_unarchived(&lab, &channel, "after", &good).await;
    until_archived(&lab, &["held", "after"]).await;
}

/// The stream takes a page and its answer is lost, and the queue *unarchived* is away: the page stays with the publisher,
/// and is not appended again when it is published again.
#[tokio::test]
async fn a_page_in_doubt_that_is_published_again_is_not_archived_twice() {
    let Some(mut options) = options() else { return };
    options.archive_pause = Duration::from_millis(1);
    let (lab, proxy) = archiving_through_a_proxy(options);
    let queue = lab.queue();
    queue.publish(QueueName::Raw, &[page("before")]).await.unwrap();
    let (_session, channel) = lab.beside().await;
    channel.exchange_delete(lab.name("raw.unarchived"), ExchangeDeleteOptions::default()).await.unwrap();
    proxy.discard(lab::Way::ToClient);
    let doubt = page("doubt");
    let error = queue.publish(QueueName::Raw, std::slice::from_ref(&doubt)).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    until_archived(&lab, &["before", "doubt"]).await;
    proxy.cut();
    proxy.heal();
    super::faults::publish_in_the_end(&queue, QueueName::Raw, &[doubt]).await;
    queue.publish(QueueName::Raw, &[page("after")]).await.unwrap();
    until("it caught up", async || (ready(&channel, lab.name("raw.unarchived")).await == 0).then_some(()))
        .await;
    until_archived(&lab, &["before", "doubt", "after"]).await;
}

/// How many consume the queue *unarchived*.
async fn consumers(channel: &Channel, lab: &Lab) -> u32 {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let asking = channel.queue_declare(lab.name("raw.unarchived"), passive, FieldTable::default());
    asking.await.unwrap().consumer_count()
}
