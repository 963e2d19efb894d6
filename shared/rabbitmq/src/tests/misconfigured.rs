//! Misconfiguration: the error says what to change, and holds no secrets.

use std::sync::Arc;
use std::time::Duration;

use ports::{QueueError, QueueName, SystemClock};
use testkit::contract::queue::{QueueLab, message};

use super::{Lab, lab, options};
use crate::{Options, RabbitQueue};

async fn refusal(options: Options) -> String {
    let queue = RabbitQueue::new(options, Arc::new(SystemClock)).unwrap();
    let refused = queue.connect().await;
    assert!(!queue.is_connected());
    let Err(QueueError::Misconfigured { reason }) = refused else { panic!("not refused: {refused:?}") };
    reason
}

#[tokio::test]
async fn declaring_twice_changes_nothing() {
    let Some(lab) = lab().await else { return };
    lab.process().connect().await.unwrap();
    assert!(lab.process().is_connected());
    lab.queue().publish(QueueName::Rows, &[message("m")]).await.unwrap();
    lab.crash().await;
    assert!(!lab.process().is_connected());
    lab.process().connect().await.unwrap();
    assert_eq!(lab.queue().depth(QueueName::Rows).await.unwrap().ready, 1);
}

#[tokio::test]
async fn a_queue_with_other_arguments_is_named() {
    let Some(lab) = lab().await else { return };
    lab.process().connect().await.unwrap();
    let check = async |change: fn(&mut Options), queue: &str, argument: &str| {
        let mut options = lab.options.clone();
        change(&mut options);
        let reason = refusal(options).await;
        for part in [&*lab.name(queue).to_string(), argument, "change the setting back"] {
            assert!(reason.contains(part), "{part} is not in: {reason}");
        }
    };
    check(|options| options.delivery_limit = 9, "raw", "the configuration asks for 8 (queue.delivery_limit")
        .await;
    check(|options| options.queue_max_bytes = Some(1000), "raw", "queue.max_size").await;
    check(|options| options.archive_keep = Duration::from_secs(1), "raw.archive", "archive.keep").await;
    check(|options| options.archive_max_bytes = 1, "raw.archive", "archive.max_size").await;
}

/// All differences are told, and neither is what exists changed by that, nor what is missing made.
#[tokio::test]
async fn what_differs_is_told_without_work() {
    let Some(lab) = lab().await else { return };
    let inspect = async |options: Options| {
        let queue = RabbitQueue::open_read_only(options, Arc::new(SystemClock)).await.unwrap();
        let found = (queue.differences().await.unwrap(), queue.missing());
        queue.close().await;
        found
    };
    let (differences, missing) = inspect(lab.options.clone()).await;
    assert!(differences.is_empty() && !missing.is_empty(), "{differences:?}");
    assert_eq!(inspect(lab.options.clone()).await.1, missing, "something was made");

    lab.process().connect().await.unwrap();
    assert_eq!(inspect(lab.options.clone()).await, (vec![], vec![]));
    let mut other = lab.options.clone();
    other.delivery_limit = lab.options.delivery_limit + 1;
    other.archive_keep = Duration::from_secs(1);
    let (differences, _) = inspect(other).await;
    let [raw, rows, archive] = &differences[..] else { panic!("{differences:?}") };
    let limits = (lab.options.delivery_limit - 1, lab.options.delivery_limit);
    for (difference, queue) in [(raw, "raw"), (rows, "rows")] {
        let told = format!(
            "queue {}: it exists with x-delivery-limit = {}, and the configuration asks for {} (",
            lab.name(queue),
            limits.0,
            limits.1
        );
        assert!(difference.contains(&told), "{told} is not in: {difference}");
    }
    // RabbitMQ 4.3 tells both in milliseconds.
    let told = ["asks for 1s (archive.keep)", "asks for 1000 (archive.keep)"];
    assert!(archive.contains("x-max-age") && told.iter().any(|told| archive.contains(told)), "{archive}");
    assert_eq!(inspect(lab.options.clone()).await, (vec![], vec![]));
}

#[tokio::test]
async fn a_wrong_password_or_virtual_host_is_said_and_not_shown() {
    let Some(options) = options() else { return };
    let mut wrong = options.clone();
    wrong.uri.authority.userinfo.password = "s3cret".to_owned();
    let reason = refusal(wrong).await;
    assert!(reason.contains("ACCESS_REFUSED") && reason.contains("user and password"), "{reason}");
    assert!(!reason.contains("s3cret"), "{reason}");
    let mut elsewhere = options.clone();
    elsewhere.uri.vhost = "nowhere".to_owned();
    let reason = refusal(elsewhere).await;
    assert!(reason.contains("nowhere") && reason.contains("check that the virtual host exists"), "{reason}");
}

#[tokio::test]
async fn a_broker_that_is_away_is_transient() {
    let mut nobody = Lab::options("amqp://someone:s3cret@127.0.0.1:1/%2f");
    nobody.connect_timeout = Duration::from_secs(5);
    let queue = RabbitQueue::new(nobody, Arc::new(SystemClock)).unwrap();
    let error = queue.connect().await.unwrap_err();
    assert!(error.is_transient() && !error.to_string().contains("s3cret"), "{error}");
}

/// A server that answers nothing, or not with AMQP.
#[tokio::test]
async fn a_silent_or_foreign_server_does_not_hold_anyone_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = Lab::options(&format!("amqp://{}", listener.local_addr().unwrap()));
    options.connect_timeout = Duration::from_millis(500);
    let queue = RabbitQueue::new(options, Arc::new(SystemClock)).unwrap();
    let error = queue.connect().await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("500ms"), "{error}");
    // The connection is closed.
    let (mut silent, _) = listener.accept().await.unwrap();
    let mut heard = Vec::new();
    let closed = tokio::io::AsyncReadExt::read_to_end(&mut silent, &mut heard);
    tokio::time::timeout(super::DEADLINE, closed).await.expect("it stays open").ok();
    assert_eq!(heard, b"AMQP\0\0\x09\x01");

    let (asked, ()) = tokio::join!(queue.connect(), async {
        let (mut foreign, _) = listener.accept().await.unwrap();
        let said = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut foreign, said).await.unwrap();
    });
    let error = asked.unwrap_err();
    assert!(error.to_string().contains("cannot connect"), "{error}");
}
