//! Messages that no stage would publish, and those that the broker moves by itself.

use domain::{Class, DeadLetter, Message, StageName, header};
use lapin::options::{BasicPublishOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldArray, FieldTable};
use lapin::{BasicProperties, Confirmation};
use ports::{Clock, QueueName, Settlement, SystemClock};
use testkit::contract::queue::{QueueLab, message};

use super::{Lab, lab, next};

async fn send(lab: &Lab, exchange: &str, key: &str, body: &[u8], properties: BasicProperties) {
    let (_session, channel) = lab.beside().await;
    let exchange = if exchange.is_empty() { "".into() } else { lab.name(exchange) };
    let sent = channel.basic_publish(exchange, key.into(), BasicPublishOptions::default(), body, properties);
    assert_eq!(sent.await.unwrap().await.unwrap(), Confirmation::Ack(None));
}

async fn receive(lab: &Lab, from: QueueName) -> Message {
    let mut consumer = lab.queue().consume(from, 1).await.unwrap();
    let delivery = next(&mut consumer).await;
    let message = delivery.message().clone();
    delivery.settle(Settlement::Done).await.unwrap();
    message
}

fn letter(message: Message) -> DeadLetter {
    DeadLetter::from_message(message, SystemClock.now())
}

#[tokio::test]
async fn whatever_someone_published_is_a_message() {
    let Some(lab) = lab().await else { return };
    lab.process().connect().await.unwrap();
    let mut odd = FieldTable::default();
    odd.insert("x-page".into(), AMQPValue::LongInt(7));
    odd.insert("flag".into(), AMQPValue::Boolean(true));
    odd.insert("x-delivery-count".into(), AMQPValue::LongString("many".into()));
    odd.insert("x-death".into(), AMQPValue::LongString("none".into()));
    let properties = BasicProperties::default().with_headers(odd.clone());
    send(&lab, "rows", "rows.odd", b"odd", properties.clone()).await;
    let read = receive(&lab, QueueName::Rows).await;
    assert_eq!(read.headers.iter().collect::<Vec<_>>(), [("flag", "true"), (header::PAGE, "7")]);
    // A message without an id gets one derived from its body, the same each time.
    send(&lab, "rows", "rows.odd", b"odd", properties).await;
    assert_eq!(receive(&lab, QueueName::Rows).await.id, read.id);

    // A value that is not text makes all headers unreadable; they are shown in one header.
    for value in [
        AMQPValue::LongString(vec![0xff, 0xfe].into()),
        AMQPValue::FieldTable(odd.clone()),
        AMQPValue::FieldArray(FieldArray::from(vec![AMQPValue::Void])),
        AMQPValue::LongString("long ".repeat(20_000).into()),
    ] {
        let mut table = odd.clone();
        table.insert("wrong".into(), value);
        send(&lab, "raw", "raw.odd", &[0xff; 3], BasicProperties::default().with_headers(table)).await;
        let read = receive(&lab, QueueName::Raw).await;
        let names: Vec<_> = read.headers.iter().map(|(name, _)| name).collect();
        assert_eq!((names, &*read.body), (vec![header::UNREADABLE], &[0xff; 3][..]));
        assert!(read.headers.get(header::UNREADABLE).unwrap().contains("flag: true"), "{read:?}");
        // It can be dead-lettered like any other.
        lab.queue().publish(QueueName::Raw, &[read]).await.unwrap();
        let delivery = next(&mut lab.queue().consume(QueueName::Raw, 1).await.unwrap()).await;
        let now = SystemClock.now();
        let odd = DeadLetter::for_message(
            delivery.message(),
            StageName::Transformer,
            Class::Poison,
            "odd",
            "x".repeat(9000),
            now,
        );
        delivery.settle(Settlement::DeadLetter(Box::new(odd))).await.unwrap();
        assert_eq!(letter(receive(&lab, QueueName::Dead).await).code, "odd");
    }
}

#[tokio::test]
async fn garbage_on_the_dead_queue_is_a_letter() {
    let Some(lab) = lab().await else { return };
    lab.process().connect().await.unwrap();
    let mut headers = FieldTable::default();
    headers.insert("x-dead-class".into(), AMQPValue::Double(1.5));
    send(&lab, "dead", "anything", &[0xff; 10], BasicProperties::default().with_headers(headers)).await;
    let read = letter(receive(&lab, QueueName::Dead).await);
    assert_eq!((read.class, &*read.body), (Class::Unknown, &[0xff; 10][..]));
}

/// A message that is published while its queue is missing is confirmed, kept, and becomes a letter.
#[tokio::test]
async fn what_has_no_queue_becomes_a_letter() {
    let Some(lab) = lab().await else { return };
    let queue = lab.queue();
    lab.process().connect().await.unwrap();
    let (_session, channel) = lab.beside().await;
    channel.queue_delete(lab.name("rows"), QueueDeleteOptions::default()).await.unwrap();
    let mut lost = message("lost");
    lost.headers.set(header::BATCH, "b");
    queue.publish(QueueName::Rows, std::slice::from_ref(&lost)).await.unwrap();
    assert_eq!(queue.depth(QueueName::Dead).await.unwrap().ready, 1);
    let mut dead = queue.consume(QueueName::Dead, 1).await.unwrap();
    // After a requeue it is the same letter.
    drop(next(&mut dead).await);
    let delivery = next(&mut dead).await;
    let read = letter(delivery.message().clone());
    assert_eq!((&*read.code, read.stage, &read.body), ("unroutable", Some(StageName::Loader), &lost.body));
    assert_eq!(read.headers, lost.headers);
    assert!(read.reason.contains("rows.new"), "{}", read.reason);
    delivery.settle(Settlement::Done).await.unwrap();
}

/// The unroutable queue is missing, too: the publisher gets an error, and the next attempt declares everything.
#[tokio::test]
async fn without_an_unroutable_queue_publishing_fails() {
    let Some(lab) = lab().await else { return };
    let queue = lab.queue();
    lab.process().connect().await.unwrap();
    let (_session, channel) = lab.beside().await;
    for name in ["rows", "unroutable"] {
        channel.queue_delete(lab.name(name), QueueDeleteOptions::default()).await.unwrap();
    }
    let messages: Vec<_> = (0..40).map(message).collect();
    let error = queue.publish(QueueName::Rows, &messages).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("no queue"), "{error}");
    queue.publish(QueueName::Rows, &messages).await.unwrap();
    assert_eq!(queue.depth(QueueName::Rows).await.unwrap().ready, 40);
}

/// The letter of a message past its delivery limit names the right stage, and is the same each time.
#[tokio::test]
async fn the_broker_s_own_letters_say_where_they_died() {
    let Some(lab) = lab().await else { return };
    let mut killer = message("killer");
    killer.headers.set(header::BATCH, "b");
    lab.queue().publish(QueueName::Raw, std::slice::from_ref(&killer)).await.unwrap();
    for _ in 0..lab.delivery_limit() {
        std::mem::forget(next(&mut lab.queue().consume(QueueName::Raw, 1).await.unwrap()).await);
        lab.crash().await;
    }
    let mut dead = lab.queue().consume(QueueName::Dead, 1).await.unwrap();
    let first = next(&mut dead).await;
    let read = letter(first.message().clone());
    assert_eq!((read.class, read.stage), (Class::DeliveryLimit, Some(StageName::Transformer)));
    assert_eq!((read.id.as_str(), &read.headers), ("dead/transformer/killer", &killer.headers));
    drop(first);
    assert_eq!(letter(next(&mut dead).await.message().clone()), read);
}
