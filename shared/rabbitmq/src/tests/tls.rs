//! TLS: which servers are trusted, and the error for one that is not. On a node of the test's own.

use std::path::Path;
use std::sync::Arc;

use ports::{QueueError, QueueName, SystemClock};
use testkit::contract::queue::{QueueLab, message};

use super::node::blocking;
use super::{Lab, next, until};
use crate::{Options, RabbitQueue};

fn options(url: &str, authority: Option<&Path>) -> Options {
    Options { ca_file: authority.map(Path::to_owned), ..Lab::options(url) }
}

async fn refused(options: Options) -> QueueError {
    let queue = RabbitQueue::new(options, Arc::new(SystemClock)).unwrap();
    let error = queue.connect().await.expect_err("connects");
    assert!(!error.to_string().contains("lab:lab"), "{error}");
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_server_is_trusted_when_its_authority_is_named() {
    if !lab::RabbitMq::is_installed() {
        return lab::skip("RabbitMQ is not installed");
    }
    let (node, url, certificates) = blocking(lab::RabbitMq::start_encrypted).unwrap();
    let authority = certificates.authority.as_path();

    let lab = Lab::new(options(&url, Some(authority)));
    let queue = lab.queue();
    queue.publish(QueueName::Rows, &[message("m")]).await.unwrap();
    let mut consumer = queue.consume(QueueName::Rows, 1).await.unwrap();
    assert_eq!(next(&mut consumer).await.message().id.as_str(), "m");
    lab.crash().await;
    let queue = lab.queue();
    until("it is back", async || (queue.depth(QueueName::Rows).await.unwrap().ready > 0).then_some(())).await;

    let check = async |options, says: &[&str]| {
        let error = refused(options).await;
        let QueueError::Misconfigured { reason } = &error else { panic!("not a mistake: {error}") };
        for says in says {
            assert!(reason.contains(says), "{says:?} is not in: {reason}");
        }
    };
    check(options(&url, None), &["UnknownIssuer", "not trusted", "authority's file"]).await;
    let other = node.folder().join("other");
    std::fs::create_dir(&other).unwrap();
    let other = lab::Certificates::in_folder(&other).unwrap().authority;
    check(options(&url, Some(&other)), &["not trusted"]).await;
    let elsewhere = url.replace("localhost", "127.0.0.1");
    check(options(&elsewhere, Some(authority)), &["127.0.0.1", "the host as the certificate does"]).await;
    let nowhere = Path::new("/nowhere.pem");
    check(options(&url, Some(nowhere)), &["cannot read the certificates in /nowhere.pem"]).await;
    let endless = Some(Path::new("/dev/zero"));
    check(options(&url, endless), &["certificates in /dev/zero: it is larger than"]).await;
    let empty = node.folder().join("empty.pem");
    std::fs::write(&empty, "not a certificate").unwrap();
    check(options(&url, Some(&empty)), &["empty.pem", "no certificate"]).await;

    // The wrong port: TLS against a plain connection, and the other way round.
    let plain = node.url().replace("amqp://", "amqps://");
    let error = refused(options(&plain, Some(authority))).await;
    assert!(error.to_string().contains("amqp:// is for"), "{error}");
    let encrypted = url.replace("amqps://", "amqp://");
    assert!(refused(options(&encrypted, None)).await.is_transient());
}
