//! The archive holds each page once, whatever happens to the work queue and to the archive itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{ApiVersion, BatchId, Message, Origin, PageMeta, Slot};
use lapin::options::{BasicPublishOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel};
use ports::{Archive, Clock, Queue, QueueError, QueueName, Settlement, SystemClock};
use testkit::contract::queue::{QueueLab, message};

use super::faults::{drain, ids, publish_in_the_end};
use super::{Lab, lab, next, options, until};
use crate::{Options, RabbitQueue};

/// A live page that was fetched at `at`.
pub(super) fn page_of(id: impl std::fmt::Display, at: DateTime<Utc>) -> Message {
    let slot = Slot::at(at);
    let meta = PageMeta {
        batch: BatchId::from_stored("b"),
        slot,
        page: 1,
        pages: 1,
        fetched_at: at,
        endpoint: "listings".to_owned(),
        api_version: ApiVersion::V3,
        convert: vec!["USD".to_owned()],
        currency: None,
        simulated: true,
        origin: Origin::Live,
    };
    Message { headers: meta.to_message(Vec::new()).headers, ..message(id) }
}

/// A live page that was fetched just now.
pub(super) fn page(id: impl std::fmt::Display) -> Message {
    page_of(id, SystemClock.now())
}

/// The ids in the archive, read one page at a time, so that duplicates are not merged.
pub(super) async fn archived(archive: &dyn Archive) -> Result<Vec<String>, QueueError> {
    let (mut position, mut ids) = (0, Vec::new());
    while let Some(page) = archive.read(position, 1).await?.pop() {
        position = page.position;
        ids.push(page.message.id.to_string());
    }
    Ok(ids)
}

pub(super) async fn until_archived(lab: &Lab, expected: &[&str]) {
    let mut seen = Ok(Vec::new());
    let reached = async || {
        seen = archived(&*lab.process()).await;
        seen.as_ref().is_ok_and(|ids| ids == expected).then_some(())
    };
    let all = tokio::time::timeout(super::DEADLINE * 2, until("the archive has it all", reached)).await;
    assert!(all.is_ok(), "expected {expected:?}");
}

async fn delete(channel: &Channel, name: lapin::types::ShortString) {
    channel.queue_delete(name, QueueDeleteOptions::default()).await.unwrap();
}

pub(super) async fn ready(channel: &Channel, name: lapin::types::ShortString) -> u32 {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name, passive, FieldTable::default()).await.unwrap().message_count()
}

/// The work queue is deleted again and again while a publisher is connected: what was published is in it.
#[tokio::test]
async fn a_page_is_published_when_the_work_queue_has_it() {
    let Some(lab) = lab().await else { return };
    let (queue, (_session, channel)) = (lab.queue(), lab.beside().await);
    let mut expected = Vec::new();
    for round in 0..6 {
        lab.process().connect().await.unwrap();
        delete(&channel, lab.name("raw")).await;
        let page = page(round);
        let told = queue.publish(QueueName::Raw, std::slice::from_ref(&page)).await.unwrap_err();
        assert!(told.is_transient() && told.to_string().contains("no queue"), "{told}");
        publish_in_the_end(&queue, QueueName::Raw, std::slice::from_ref(&page)).await;
        drain(&queue, QueueName::Raw, ids(&[page])).await;
        expected.push(round.to_string());
    }
    assert_eq!(archived(&*lab.process()).await.unwrap(), expected);
    assert_eq!(queue.depth(QueueName::Dead).await.unwrap().total(), 0, "a page was taken for unroutable");
}

/// A full work queue refuses a page each time; the archive gets it once, after the queue took it.
#[tokio::test]
async fn what_a_full_work_queue_refuses_is_not_archived() {
    let Some(mut options) = options() else { return };
    options.queue_max_bytes = Some(20_000);
    let lab = Lab::new(options);
    let queue = lab.queue();
    let mut taken = Vec::new();
    let refused = until("it is full", async || {
        let large = Message { body: vec![7; 5000].into(), ..page(taken.len()) };
        match queue.publish(QueueName::Raw, std::slice::from_ref(&large)).await {
            Ok(()) => taken.push(large.id.to_string()),
            Err(_) => return Some(large),
        }
        None
    })
    .await;
    for _ in 0..20 {
        let error = queue.publish(QueueName::Raw, std::slice::from_ref(&refused)).await.unwrap_err();
        assert!(error.is_transient() && error.to_string().contains("full"), "{error}");
    }
    assert_eq!(archived(&*lab.process()).await.unwrap(), taken);
    drain(&queue, QueueName::Raw, taken.iter().cloned().collect()).await;
    publish_in_the_end(&queue, QueueName::Raw, std::slice::from_ref(&refused)).await;
    drain(&queue, QueueName::Raw, ids(std::slice::from_ref(&refused))).await;
    taken.push(refused.id.to_string());
    assert_eq!(archived(&*lab.process()).await.unwrap(), taken);
}

/// A lab whose process writes to the archive through a proxy, with a short timeout.
pub(super) fn archiving_through_a_proxy(options: Options) -> (Lab, lab::Proxy) {
    let url = lab::amqp_url().unwrap();
    let proxy = lab::Proxy::before(&url).unwrap();
    let lab = Lab::new(options.clone());
    let through = Options::from_url(&proxy.url_for(&url)).unwrap().uri;
    let archive = Options { uri: through, call_timeout: Duration::from_secs(2), ..options.clone() };
    let process = RabbitQueue::with_archive_at(Arc::new(options), &archive, Arc::new(SystemClock)).unwrap();
    lab.processes.lock().unwrap().push(Arc::new(process));
    (lab, proxy)
}

/// Work goes on while the archive is away, and the archive catches up.
#[tokio::test]
async fn the_archive_catches_up_when_it_was_away() {
    let Some(options) = options() else { return };
    let (lab, proxy) = archiving_through_a_proxy(options);
    let queue = lab.queue();
    queue.publish(QueueName::Raw, &[page("before")]).await.unwrap();
    proxy.refuse();
    proxy.cut();
    let pages: Vec<_> = (0..6).map(page).collect();
    for page in &pages {
        queue.publish(QueueName::Raw, std::slice::from_ref(page)).await.unwrap();
    }
    assert!(lab.process().is_connected(), "an archive that is away is no reason not to be ready");
    let mut all = ids(&pages);
    all.insert("before".to_owned());
    drain(&queue, QueueName::Raw, all).await;
    assert_eq!(archived(&*lab.process()).await.unwrap(), ["before"]);
    let (_session, channel) = lab.beside().await;
    assert_eq!(ready(&channel, lab.name("raw.unarchived")).await, 6);
    proxy.heal();
    until_archived(&lab, &["before", "0", "1", "2", "3", "4", "5"]).await;
    // As after a crash before the spool forgot them.
    for page in &pages {
        queue.publish(QueueName::Raw, std::slice::from_ref(page)).await.unwrap();
    }
    queue.publish(QueueName::Raw, &[page("after")]).await.unwrap();
    until_archived(&lab, &["before", "0", "1", "2", "3", "4", "5", "after"]).await;
}

/// The stream takes a page, and its answer is lost: the page is not appended again.
#[tokio::test]
async fn a_page_whose_archiving_is_in_doubt_is_not_archived_twice() {
    let Some(options) = options() else { return };
    let (lab, proxy) = archiving_through_a_proxy(options);
    let queue = lab.queue();
    queue.publish(QueueName::Raw, &[page("before")]).await.unwrap();
    proxy.discard(lab::Way::ToClient);
    queue.publish(QueueName::Raw, &[page("doubt")]).await.unwrap();
    until_archived(&lab, &["before", "doubt"]).await;
    let (_session, channel) = lab.beside().await;
    proxy.cut();
    proxy.heal();
    until("it caught up", async || (ready(&channel, lab.name("raw.unarchived")).await == 0).then_some(()))
        .await;
    queue.publish(QueueName::Raw, &[page("after")]).await.unwrap();
    until_archived(&lab, &["before", "doubt", "after"]).await;
}

/// Both the archive and the queue *unarchived* refuse: the page stays with the publisher, and the work queue gets it once,
/// however often it is published.
#[tokio::test]
async fn a_page_that_cannot_be_archived_at_all_is_not_published_and_not_worked_on_twice() {
    let Some(mut options) = options() else { return };
    options.queue_max_bytes = Some(20_000);
    let (lab, proxy) = archiving_through_a_proxy(options);
    let queue = lab.queue();
    proxy.refuse();
    let mut kept = Vec::new();
    let refused = until("there is no room for what is not archived", async || {
        let large = Message { body: vec![7; 5000].into(), ..page(kept.len()) };
        let published = queue.publish(QueueName::Raw, std::slice::from_ref(&large)).await;
        drain(&queue, QueueName::Raw, ids(std::slice::from_ref(&large))).await;
        kept.push(large.id.to_string());
        published.err().map(|error| (large, error))
    })
    .await;
    let (refused, error) = refused;
    assert!(error.is_transient(), "{error}");
    for _ in 0..3 {
        queue.publish(QueueName::Raw, std::slice::from_ref(&refused)).await.unwrap_err();
    }
    assert_eq!(queue.depth(QueueName::Raw).await.unwrap().total(), 0, "the work queue got it again");
    proxy.heal();
    publish_in_the_end(&queue, QueueName::Raw, std::slice::from_ref(&refused)).await;
    assert_eq!(queue.depth(QueueName::Raw).await.unwrap().total(), 0, "the work queue got it again");
    let complete = async || {
        let mut seen = archived(&*lab.process()).await.ok()?;
        seen.sort_by_key(|id| id.parse::<u64>().ok());
        (seen == kept).then_some(())
    };
    until("the archive has each of them once", complete).await;
}

/// After a restart a publisher publishes its pages again, and asks the archive first.
#[tokio::test]
async fn a_restarted_publisher_archives_nothing_twice() {
    let Some(lab) = lab().await else { return };
    let old = SystemClock.now() - chrono::TimeDelta::hours(2);
    let spool: Vec<_> = (0..4).map(|n| page_of(n, old + chrono::TimeDelta::minutes(n))).collect();
    lab.queue().publish(QueueName::Raw, &spool[..3]).await.unwrap();
    for _ in 0..2 {
        lab.crash().await;
        lab.queue().publish(QueueName::Raw, &spool).await.unwrap();
    }
    assert_eq!(archived(&*lab.process()).await.unwrap(), ["0", "1", "2", "3"]);
}

/// A stream that is deleted is declared again, and holds what is published from then on.
#[tokio::test]
async fn an_archive_that_was_deleted_begins_anew() {
    let Some(lab) = lab().await else { return };
    let (queue, (_session, channel)) = (lab.queue(), lab.beside().await);
    queue.publish(QueueName::Raw, &[page("gone")]).await.unwrap();
    delete(&channel, lab.name("raw.archive")).await;
    queue.publish(QueueName::Raw, &[page("kept")]).await.unwrap();
    until_archived(&lab, &["kept"]).await;
    drain(&queue, QueueName::Raw, ["gone", "kept"].map(str::to_owned).into()).await;
}

/// An older version bound the stream to the exchange of the work queue, and declared no retry queues for letters.
#[tokio::test]
async fn the_topology_of_an_older_version_is_put_right() {
    let Some(lab) = lab().await else { return };
    lab.process().connect().await.unwrap();
    let (_session, channel) = lab.beside().await;
    for name in lab.process().client().names.retry_queues(QueueName::Dead) {
        delete(&channel, name.into()).await;
    }
    for name in ["raw.unarchived", "raw.pages"] {
        delete(&channel, lab.name(name)).await;
    }
    let (archive, raw) = (lab.name("raw.archive"), lab.name("raw"));
    let bind = channel.queue_bind(
        archive,
        raw,
        "raw.live".into(),
        QueueBindOptions::default(),
        FieldTable::default(),
    );
    bind.await.unwrap();
    lab.process().cut();

    let queue = lab.queue();
    let mut expected = Vec::new();
    until("the old binding is gone", async || {
        let n = expected.len();
        let (exchange, key) = (lab.name("raw"), "raw.live".into());
        let properties = BasicProperties::default().with_message_id(format!("by hand {n}").into());
        let sent = channel.basic_publish(exchange, key, BasicPublishOptions::default(), b"x", properties);
        sent.await.unwrap().await.unwrap();
        publish_in_the_end(&queue, QueueName::Raw, &[page(n)]).await;
        expected.push(n.to_string());
        let mut seen = archived(&*lab.process()).await.unwrap();
        let by_hand = seen.iter().any(|id| *id == format!("by hand {n}"));
        seen.retain(|id| !id.starts_with("by hand"));
        assert_eq!(seen, expected, "archived by both bindings, or by none");
        (!by_hand).then_some(())
    })
    .await;
    let delay = lab.retry_delay();
    queue.publish(QueueName::Dead, &[message("letter")]).await.unwrap();
    let mut dead = queue.consume(QueueName::Dead, 1).await.unwrap();
    next(&mut dead).await.settle(Settlement::RetryAfter { delay, attempt: 2 }).await.unwrap();
    assert_eq!(next(&mut dead).await.message().attempt(), 2);
}

/// Several publishers whose connections break all the time: the archive gets each page once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishers_at_once_fill_one_archive() {
    let Some(lab) = lab().await else { return };
    lab.start();
    lab.start();
    let processes = lab.processes.lock().unwrap().clone();
    let pages: Vec<Vec<_>> =
        (0..3).map(|publisher| (0..8).map(|n| page(format!("{publisher}-{n}"))).collect()).collect();
    let publishing = processes.iter().zip(&pages).map(async |(process, pages)| {
        let queue: Arc<dyn Queue> = process.clone();
        for page in pages {
            publish_in_the_end(&queue, QueueName::Raw, std::slice::from_ref(page)).await;
        }
    });
    let breaking = async {
        let mut often = tokio::time::interval(Duration::from_millis(150));
        for process in processes.iter().cycle().take(12) {
            often.tick().await;
            process.cut();
        }
    };
    tokio::join!(futures_util::future::join_all(publishing), breaking);
    let all: BTreeSet<String> = pages.iter().flat_map(|pages| ids(pages)).collect();
    let (_session, channel) = lab.beside().await;
    let complete = async || {
        let seen = archived(&*lab.process()).await.ok()?;
        (seen.len() >= all.len() && ready(&channel, lab.name("raw.unarchived")).await == 0).then_some(seen)
    };
    let seen = until("the archive has it all", complete).await;
    assert_eq!(seen.len(), all.len(), "{seen:?}");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all);
}
