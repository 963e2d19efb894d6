//! The archive of raw pages.

use std::sync::Arc;
use std::time::Duration;

use domain::{Headers, Message, Origin, header, timestamp};

use super::{QueueLab, consume, message, next, publish};
use ports::{Archive, ArchiveRange, QueueName, Settlement};

fn page(id: &str, origin: Origin) -> Message {
    Message { headers: Headers::new().with(header::ORIGIN, origin), ..message(id) }
}

async fn ids(archive: &Arc<dyn Archive>) -> Vec<String> {
    let pages = archive.read(0, 1000).await.expect("cannot read the archive");
    pages.into_iter().map(|page| page.message.id.to_string()).collect()
}

/// Only pages on the raw queue that were just fetched are archived, and read once each in one call; consuming and retrying them
/// changes nothing.
pub async fn the_archive_holds_live_pages_once_as_published(lab: &impl QueueLab) {
    let (queue, archive) = (lab.queue(), lab.archive());
    publish(&queue, QueueName::Raw, &[page("one", Origin::Live), page("two", Origin::Live)]).await;
    publish(&queue, QueueName::Raw, &[page("one", Origin::Replay), page("old", Origin::Replay)]).await;
    publish(&queue, QueueName::Raw, &[page("one", Origin::Live), message("bare")]).await;
    publish(&queue, QueueName::Raw, &[page("gap", Origin::Backfill), page("gap", Origin::Rebuild)]).await;
    publish(&queue, QueueName::Rows, &[page("rows", Origin::Live)]).await;
    let mut consumer = consume(&queue, QueueName::Raw).await;
    let retried = next(&mut consumer).await;
    retried.settle(Settlement::RetryAfter { delay: lab.retry_delay(), attempt: 2 }).await.unwrap();
    lab.pass(lab.retry_delay()).await;
    for _ in 0..8 {
        next(&mut consumer).await.settle(Settlement::Done).await.unwrap();
    }
    let pages = archive.read(0, 10).await.unwrap();
    let messages: Vec<_> = pages.into_iter().map(|page| page.message).collect();
    let fetched = [page("one", Origin::Live), page("two", Origin::Live), page("gap", Origin::Backfill)];
    assert_eq!(messages, fetched);
}

/// A page that is published again is not archived again, whoever publishes it: a process that did not hear that it had
/// published it, or the next one, which finds it where it was kept.
pub async fn a_page_that_is_published_again_is_archived_once(lab: &impl QueueLab) {
    let fetched_at = timestamp::to_text(lab.clock().now());
    let fetched = |id| {
        let mut page = page(id, Origin::Live);
        page.headers.set(header::FETCHED_AT, &fetched_at);
        page
    };
    // One that does not say when it was fetched is no other.
    let (a, b, bare) = (fetched("a"), fetched("b"), page("bare", Origin::Live));
    for pages in
        [&[a.clone(), bare.clone()][..], std::slice::from_ref(&a), &[a.clone(), bare.clone(), b.clone()]]
    {
        publish(&lab.queue(), QueueName::Raw, pages).await;
    }
    for _ in 0..2 {
        lab.crash().await;
        publish(&lab.queue(), QueueName::Raw, &[a.clone(), bare.clone(), b.clone(), fetched("c")]).await;
    }
    // One at a time, so that no call merges what is there twice.
    let (mut after, mut ids) = (0, Vec::new());
    while let Some(page) = lab.archive().read(after, 1).await.unwrap().pop() {
        after = page.position;
        ids.push(page.message.id.to_string());
    }
    assert_eq!(ids, ["a", "bare", "b", "c"]);
}

/// Reading goes on after a position, oldest first, and ends.
pub async fn the_archive_can_be_read_in_parts(lab: &impl QueueLab) {
    let (queue, archive) = (lab.queue(), lab.archive());
    for id in ["a", "b", "c"] {
        publish(&queue, QueueName::Raw, &[page(id, Origin::Live)]).await;
    }
    let (mut after, mut read) = (0, Vec::new());
    loop {
        let part = archive.read(after, 2).await.unwrap();
        let Some(last) = part.last() else { break };
        assert!(part.len() <= 2 && part.iter().all(|page| page.position > after), "{part:?}");
        after = last.position;
        read.extend(part.into_iter().map(|page| page.message.id.to_string()));
    }
    assert_eq!(read, ["a", "b", "c"]);
    assert_eq!(archive.read(0, 0).await.unwrap(), []);
}

/// A range has every page since its beginning, and ends where the archive ended.
pub async fn a_range_of_the_archive_begins_at_a_time(lab: &impl QueueLab) {
    let (queue, archive) = (lab.queue(), lab.archive());
    assert_eq!(archive.range(None).await.unwrap(), ArchiveRange { after: 0, end: 0 });
    let start = lab.clock().now();
    publish(&queue, QueueName::Raw, &[page("a", Origin::Live)]).await;
    lab.pass(Duration::from_secs(2)).await;
    let middle = lab.clock().now();
    publish(&queue, QueueName::Raw, &[page("b", Origin::Live), page("c", Origin::Live)]).await;
    let last = archive.read(0, 10).await.unwrap().pop().expect("three pages").position;
    for (since, expected) in [(None, 3), (Some(start), 3), (Some(middle), 2)] {
        let range = archive.range(since).await.unwrap();
        assert_eq!(range.end, last, "since {since:?}");
        let pages = archive.read(range.after, 10).await.unwrap();
        let ids: Vec<_> = pages.iter().map(|page| page.message.id.as_str()).collect();
        assert!(ids.ends_with(&["a", "b", "c"][3 - expected..]), "since {since:?}: {ids:?}");
    }
    publish(&queue, QueueName::Raw, &[page("d", Origin::Live)]).await;
    let longer = archive.range(None).await.unwrap();
    assert!(longer.end > last, "{longer:?}");
    let future = archive.range(Some(lab.clock().now() + chrono::TimeDelta::hours(1))).await.unwrap();
    assert_eq!(future, ArchiveRange { after: longer.end, end: longer.end });
}

/// Pages leave when they are older than `keep`, at the latest when the next one comes. Not part of
/// [`queue_contract`](crate::queue_contract): brokers drop whole segments, much later.
pub async fn the_archive_drops_old_pages(lab: &impl QueueLab, keep: Duration) {
    let (queue, archive) = (lab.queue(), lab.archive());
    publish(&queue, QueueName::Raw, &[page("old", Origin::Live)]).await;
    lab.pass(keep / 2).await;
    publish(&queue, QueueName::Raw, &[page("younger", Origin::Live)]).await;
    assert_eq!(ids(&archive).await, ["old", "younger"]);
    lab.pass(keep / 2).await;
    publish(&queue, QueueName::Raw, &[page("new", Origin::Live)]).await;
    assert_eq!(ids(&archive).await, ["younger", "new"]);
    // Dropped is not unread: positions go on.
    let last = archive.read(0, 10).await.unwrap().pop().map(|page| page.position);
    assert_eq!(archive.read(last.unwrap(), 10).await.unwrap(), []);
}

/// The oldest pages leave when all together are larger than `max_bytes`, which is at least 1000. Not part
/// of [`queue_contract`](crate::queue_contract), for the same reason.
pub async fn the_archive_drops_what_is_too_much(lab: &impl QueueLab, max_bytes: usize) {
    let (queue, archive) = (lab.queue(), lab.archive());
    for id in ["a", "b", "c", "d"] {
        let third = Message { body: vec![0; max_bytes / 3].into(), ..page(id, Origin::Live) };
        publish(&queue, QueueName::Raw, &[third]).await;
    }
    assert_eq!(ids(&archive).await, ["c", "d"]);
    publish(&queue, QueueName::Raw, &[page("small", Origin::Live)]).await;
    assert_eq!(ids(&archive).await, ["c", "d", "small"]);
}
