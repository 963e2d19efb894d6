//! Messages that lapin cannot parse: each becomes a letter, and those after it arrive on the same connection.

use std::collections::BTreeSet;

use domain::{Class, DeadLetter, Message, StageName, header as names};
use lapin::options::QueueDeleteOptions;
use ports::{Archive, Clock, Consumer, Delivery, QueueName, Settlement, SystemClock};
use testkit::contract::leader::LeaderLab;
use testkit::contract::queue::{QueueLab, message};
use tokio::time::timeout;

use super::wire::{Publisher, Wire, deep, header, short};
use super::{DEADLINE, Lab, lab, next, options};

/// The hostile ones; each has the same body, so only properties tell them apart.
fn hostile() -> Vec<Wire> {
    let long = short(&[[0xff; 200].as_slice(), b"!"].concat());
    let mut all = vec![
        // F1: 1.4 kB are enough for a debug build, 21 kB for a release build.
        Wire::with_headers("deep", &deep(200)),
        Wire::with_headers("deeper", &deep(3000)),
        Wire::with_headers("next-to-deep", &[header(b"x-batch", b"b"), deep(17)].concat()),
        Wire::with_headers("name", &header(b"\xff\xfe", b"value")),
        Wire::with_headers("inside", &[short(b"table"), b"F\0\0\0\x04\x02\xff\xfeV".to_vec()].concat()),
        Wire { flags: 0x0080, properties: long, body: b"odd".to_vec() },
    ];
    // F2: content type and encoding, correlation id, reply to, message id, type, app id.
    all.extend([0, 1, 5, 6, 8, 10, 12].map(|index| Wire::with_text(index, b"\xff\xfe\x80")));
    all
}

/// An ordinary message with this id.
fn innocent(id: &str) -> Wire {
    Wire { flags: 0x0080, properties: short(id.as_bytes()), body: b"innocent".to_vec() }
}

/// Publishes the hostile ones on `queue`, each before an innocent one; how many of each.
async fn attack(lab: &Lab, queue: &str, key: &[u8]) -> usize {
    lab.process().connect().await.unwrap();
    let mut publisher = Publisher::connect(&lab.options).await;
    let hostile = hostile();
    for (n, message) in hostile.iter().enumerate() {
        publisher.publish(lab.name(queue).as_str().as_bytes(), key, message).await;
        publisher
            .publish(lab.name(queue).as_str().as_bytes(), key, &innocent(&format!("innocent-{n}")))
            .await;
    }
    hostile.len()
}

fn is_hostile(message: &Message) -> bool {
    let is = &message.body[..] == b"odd";
    assert_eq!(is, message.headers.get(names::UNREADABLE).is_some(), "{message:?}");
    is
}

fn letter(message: Message) -> DeadLetter {
    DeadLetter::from_message(message, SystemClock.now())
}

/// The next `count` deliveries of one consumer: when a connection breaks, this fails.
async fn take(consumer: &mut Box<dyn Consumer>, count: usize) -> Vec<Delivery> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(next(consumer).await);
    }
    all
}

async fn is_empty(lab: &Lab, queue: QueueName) {
    super::until(&format!("{queue} is empty"), async || {
        (lab.queue().depth(queue).await.unwrap().total() == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn on_the_work_queues_each_can_be_rejected() {
    for (queue, stage) in [(QueueName::Raw, StageName::Transformer), (QueueName::Rows, StageName::Loader)] {
        let Some(lab) = lab().await else { return };
        let count = attack(&lab, queue.as_str(), format!("{queue}.x").as_bytes()).await;
        let mut consumer = lab.queue().consume(queue, 4).await.unwrap();
        let mut innocents = 0;
        for _ in 0..2 * count {
            let delivery = next(&mut consumer).await;
            if !is_hostile(delivery.message()) {
                innocents += 1;
                delivery.settle(Settlement::Done).await.unwrap();
                continue;
            }
            let letter = DeadLetter::for_message(
                delivery.message(),
                stage,
                Class::Poison,
                "unreadable_headers",
                "no",
                SystemClock.now(),
            );
            delivery.settle(Settlement::DeadLetter(Box::new(letter))).await.unwrap();
        }
        assert_eq!(innocents, count);
        is_empty(&lab, queue).await;
        let mut dead = lab.queue().consume(QueueName::Dead, 4).await.unwrap();
        let mut ids = BTreeSet::new();
        for _ in 0..count {
            let delivery = next(&mut dead).await;
            let letter = letter(delivery.message().clone());
            assert_eq!(
                (letter.class, letter.stage, &*letter.body),
                (Class::Poison, Some(stage), &b"odd"[..])
            );
            assert!(letter.headers.get(names::UNREADABLE).is_some_and(|note| !note.is_empty()), "{letter:?}");
            ids.insert(letter.id);
            delivery.settle(Settlement::Done).await.unwrap();
        }
        // All have different ids, except for the six that have no id and the same body.
        assert_eq!(ids.len(), count - 5, "{ids:?}");
        is_empty(&lab, QueueName::Dead).await;
    }
}

#[tokio::test]
async fn on_the_dead_queue_each_is_a_letter() {
    let Some(lab) = lab().await else { return };
    let count = attack(&lab, "dead", b"dead").await;
    let mut dead = lab.queue().consume(QueueName::Dead, 4).await.unwrap();
    let mut hostile = 0;
    for _ in 0..2 * count {
        let delivery = next(&mut dead).await;
        hostile += usize::from(is_hostile(delivery.message()));
        assert_eq!(letter(delivery.message().clone()).class, Class::Unknown);
        delivery.settle(Settlement::Done).await.unwrap();
    }
    assert_eq!(hostile, count);
    is_empty(&lab, QueueName::Dead).await;
}

/// A message that is requeued or retried has the same id again, and the same note.
#[tokio::test]
async fn each_can_be_requeued_and_retried() {
    let Some(lab) = lab().await else { return };
    let count = 2 * attack(&lab, "rows", b"rows.x").await;
    let queue = lab.queue();
    let count_of = u16::try_from(count).unwrap();
    let mut consumer = queue.consume(QueueName::Rows, count_of).await.unwrap();
    let seen = |deliveries: &[Delivery]| -> BTreeSet<_> {
        let of = |delivery: &Delivery| {
            let Message { id, headers, .. } = delivery.message();
            (id.clone(), headers.get(names::UNREADABLE).map(ToOwned::to_owned))
        };
        deliveries.iter().map(of).collect()
    };
    let first = take(&mut consumer, count).await;
    let before = seen(&first);
    drop(first);
    let again = take(&mut consumer, count).await;
    assert_eq!(seen(&again), before);
    for delivery in again {
        let attempt = delivery.message().attempt() + 1;
        delivery.settle(Settlement::RetryAfter { delay: lab.retry_delay(), attempt }).await.unwrap();
    }
    let retried = take(&mut consumer, count).await;
    assert_eq!(seen(&retried), before);
    for delivery in retried {
        assert_eq!(delivery.message().attempt(), 2);
        delivery.settle(Settlement::Done).await.unwrap();
    }
}

/// What the broker adds stays readable beside what is unreadable.
#[tokio::test]
async fn the_broker_s_own_letter_of_a_hostile_message_says_where_it_died() {
    let Some(lab) = lab().await else { return };
    lab.process().connect().await.unwrap();
    let mut publisher = Publisher::connect(&lab.options).await;
    let killer = Wire::with_headers("killer", &[header(b"x-batch", b"b"), deep(300)].concat());
    publisher.publish(lab.name("raw").as_str().as_bytes(), b"raw.x", &killer).await;
    for _ in 0..lab.delivery_limit() {
        std::mem::forget(next(&mut lab.queue().consume(QueueName::Raw, 1).await.unwrap()).await);
        lab.crash().await;
    }
    let mut dead = lab.queue().consume(QueueName::Dead, 1).await.unwrap();
    let read = letter(next(&mut dead).await.message().clone());
    assert_eq!((read.class, read.stage), (Class::DeliveryLimit, Some(StageName::Transformer)));
    assert_eq!((read.id.as_str(), read.headers.get(names::BATCH)), ("dead/transformer/killer", Some("b")));
    assert!(read.headers.get(names::UNREADABLE).unwrap().starts_with("a (tables more than 16"), "{read:?}");
}

#[tokio::test]
async fn what_has_no_queue_and_cannot_be_read_becomes_a_letter() {
    let Some(lab) = lab().await else { return };
    lab.process().connect().await.unwrap();
    let (_session, channel) = lab.beside().await;
    channel.queue_delete(lab.name("rows"), QueueDeleteOptions::default()).await.unwrap();
    let count = attack(&lab, "rows", b"rows.\xff\xfe").await;
    let mut dead = lab.queue().consume(QueueName::Dead, 4).await.unwrap();
    for _ in 0..2 * count {
        let delivery = next(&mut dead).await;
        is_hostile(delivery.message());
        let letter = letter(delivery.message().clone());
        assert_eq!((&*letter.code, letter.stage), ("unroutable", Some(StageName::Loader)));
        assert!(letter.reason.contains(r#"routing key "rows.??""#), "{}", letter.reason);
        delivery.settle(Settlement::Done).await.unwrap();
    }
}

#[tokio::test]
async fn the_archive_is_read_past_them() {
    let Some(lab) = lab().await else { return };
    let archive = lab.process();
    archive.connect().await.unwrap();
    let exchange = lab.name("raw.archive").to_string();
    let mut count = 0;
    for (n, message) in hostile().iter().enumerate() {
        // Streams of newer brokers do not take all of them.
        Publisher::connect(&lab.options).await.offer(exchange.as_bytes(), b"", message).await;
        let innocent = innocent(&format!("innocent-{n}"));
        assert!(Publisher::connect(&lab.options).await.offer(exchange.as_bytes(), b"", &innocent).await);
        count += 1;
    }
    let mut pages = Vec::new();
    let mut after = 0;
    loop {
        let read = timeout(DEADLINE, archive.read(after, 5)).await.expect("reading hangs").unwrap();
        let Some(last) = read.last() else { break };
        after = last.position;
        pages.extend(read);
    }
    // Older brokers drop tables when they write a stream; such messages are readable.
    let unreadable = pages.iter().filter(|page| page.message.headers.get(names::UNREADABLE).is_some());
    assert!(unreadable.count() > 0, "{pages:?}");
    assert_eq!(pages.iter().filter(|page| &page.message.body[..] == b"innocent").count(), count);
    assert_eq!(archive.range(None).await.unwrap().end, after);
}

/// F11, and whatever else is not a token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leading_goes_on_whatever_is_among_the_tokens() {
    let Some(lab) = lab().await else { return };
    attack(&lab, "fetch.leader", b"").await;
    let mut publisher = Publisher::connect(&lab.options).await;
    for (term, place) in
        [("18446744073709551615", "1"), ("1", "18446744073709551615"), ("-1", ""), ("1", "\u{0}")]
    {
        let fields = [
            header(b"x-leader-kind", b"token"),
            header(b"x-leader-term", term.as_bytes()),
            header(b"x-leader-place", place.as_bytes()),
        ];
        let forged = Wire::with_headers("forged", &fields.concat());
        publisher.publish(lab.name("fetch.leader").as_str().as_bytes(), b"", &forged).await;
    }
    for note in [&b"first"[..], b"second"] {
        let mut term = timeout(DEADLINE, lab.leadership().lead()).await.expect("nobody leads").unwrap();
        assert_eq!(term.note(), (note != b"first").then_some(&b"first"[..]));
        attack(&lab, "fetch.leader", b"").await;
        timeout(DEADLINE, term.write(note.to_vec())).await.expect("nobody writes").unwrap();
        assert_eq!(term.note(), Some(note));
    }
}

/// The broker sends a header in one frame, also where smaller frames were agreed upon.
#[tokio::test]
async fn headers_larger_than_a_frame_arrive() {
    let Some(mut options) = options() else { return };
    options.uri.query.frame_max = Some(8192);
    let lab = Lab::new(options);
    lab.process().connect().await.unwrap();
    let mut publisher = Publisher::connect(&lab.options).await;
    let exchange = lab.name("rows");
    let exchange = exchange.as_str().as_bytes();
    let large = [header(b"large", &vec![b'x'; 60_000]), header(b"x-batch", b"b")].concat();
    publisher.publish(exchange, b"rows.x", &Wire::with_headers("large", &large)).await;
    let many: Vec<_> = (0..10_000).flat_map(|n| header(format!("{n:05}").as_bytes(), b"")).collect();
    publisher.publish(exchange, b"rows.x", &Wire::with_headers("many", &many)).await;
    publisher.publish(exchange, b"rows.x", &innocent("innocent")).await;
    let mut consumer = lab.queue().consume(QueueName::Rows, 3).await.unwrap();
    for delivery in take(&mut consumer, 3).await {
        let message = delivery.message().clone();
        let hostile = is_hostile(&message);
        assert!(
            message.id.as_str() != "large" || message.headers.get(names::BATCH) == Some("b"),
            "{message:?}"
        );
        if hostile {
            let letter = DeadLetter::for_message(
                &message,
                StageName::Loader,
                Class::Poison,
                "unreadable_headers",
                "x".repeat(9000),
                SystemClock.now(),
            );
            // A letter that fits no frame: the broker keeps what was delivered.
            delivery.settle(Settlement::DeadLetter(Box::new(letter))).await.unwrap();
        } else {
            delivery.settle(Settlement::Done).await.unwrap();
        }
    }
    lab.queue().publish(QueueName::Rows, &[message("after")]).await.unwrap();
    let mut dead = lab.queue().consume(QueueName::Dead, 2).await.unwrap();
    for delivery in take(&mut dead, 2).await {
        let letter = letter(delivery.message().clone());
        assert_eq!((letter.stage, &*letter.body), (Some(StageName::Loader), &b"odd"[..]));
        delivery.settle(Settlement::Done).await.unwrap();
    }
}

/// AMQP allows all of these; each can be requeued, retried and dead-lettered.
#[tokio::test]
async fn odd_messages_can_be_requeued_retried_and_dead_lettered() {
    let Some(lab) = lab().await else { return };
    let queue = lab.queue();
    lab.process().connect().await.unwrap();
    let mut publisher = Publisher::connect(&lab.options).await;
    let longest = [b'n'; 255];
    let many =
        |count: u32| (0..count).flat_map(|n| header(format!("{n:05}").as_bytes(), b"")).collect::<Vec<_>>();
    let full = [header(&longest, &[b'v'; 1000]), header(b"", b""), header(b"\0", b"\0")].concat();
    let numbers =
        [b"\x01aT".as_slice(), &[0xff; 8], b"\x01bl", &[0x80; 8], b"\x01cd", &f64::MAX.to_be_bytes()];
    let forged =
        [header(b"x-dead-first-seen-at", b"9999-99-99"), header(b"x-attempt", b"4294967295")].concat();
    let odd = [
        Wire::default(),
        // Empty texts everywhere, and the greatest numbers.
        Wire { flags: 0xc680, properties: vec![0; 5], body: Vec::new() },
        Wire { flags: 0x0840, properties: [&[255], [0xff; 8].as_slice()].concat(), body: Vec::new() },
        Wire { flags: 0x0080, properties: short(&longest), body: Vec::new() },
        Wire { flags: 0x0080, properties: short(b"\0 \n\x1b[31m"), body: Vec::new() },
        Wire::with_headers("full", &full),
        Wire::with_headers("numbers", &numbers.concat()),
        Wire::with_headers("forged", &forged),
        Wire::with_headers("many", &many(5900)),
        Wire::with_headers("more", &many(10_000)),
    ];
    for message in &odd {
        publisher.publish(lab.name("rows").as_str().as_bytes(), &[b'k'; 255], message).await;
        // No queue is bound for such a key: that one comes as unroutable.
        publisher.publish(lab.name("rows").as_str().as_bytes(), b"rows.", message).await;
    }
    let all = u16::try_from(odd.len()).unwrap();
    let mut consumer = queue.consume(QueueName::Rows, all).await.unwrap();
    drop(take(&mut consumer, odd.len()).await);
    for delivery in take(&mut consumer, odd.len()).await {
        let attempt = delivery.message().attempt().saturating_add(1);
        delivery.settle(Settlement::RetryAfter { delay: lab.retry_delay(), attempt }).await.unwrap();
    }
    for delivery in take(&mut consumer, odd.len()).await {
        let reason = "\u{e9}".repeat(5000);
        let now = SystemClock.now();
        let message = delivery.message();
        let letter = DeadLetter::for_message(message, StageName::Loader, Class::Poison, "odd", reason, now);
        delivery.settle(Settlement::DeadLetter(Box::new(letter))).await.unwrap();
    }
    let mut letters = queue.consume(QueueName::Dead, all).await.unwrap();
    let mut codes = Vec::new();
    for _ in 0..2 * odd.len() {
        let delivery = next(&mut letters).await;
        codes.push(letter(delivery.message().clone()).code);
        delivery.settle(Settlement::Done).await.unwrap();
    }
    codes.sort_unstable();
    // What looks like a letter is one.
    assert_eq!(codes.remove(0), "no_code");
    let (odd_ones, unroutable) = codes.split_at(odd.len());
    assert!(odd_ones.iter().all(|code| code == "odd"), "{codes:?}");
    assert!(unroutable.iter().all(|code| code == "unroutable"), "{codes:?}");
}
