//! Several mailers over one outbox do nothing twice.

use super::*;

/// F8: the server takes longer for a mail than the other alerter needs to look.
#[tokio::test]
async fn two_mailers_and_a_slow_server_send_each_mail_once() {
    let bench = Bench::new();
    let other = bench.mailer_over(bench.store.clone());
    bench.server.is_slow.store(true, std::sync::atomic::Ordering::Relaxed);
    let stop = CancellationToken::new();
    for code in ["one", "two", "three"] {
        bench.letters(code, 1).await;
        bench.clock.advance(Duration::from_secs(31));
        let looking = async {
            // The first is sending: it waits for the server.
            for _ in 0..10 {
                other.round(false, &stop).await.unwrap();
                bench.clock.advance(POLL_INTERVAL);
                tokio::task::yield_now().await;
            }
            bench.server.release.notify_one();
        };
        let (sent, ()) = tokio::join!(bench.mailer.round(false, &stop), looking);
        sent.unwrap();
    }
    assert_eq!(bench.tried().len(), 3);
    assert_eq!(bench.taken().len(), 3);
    assert_eq!(bench.trouble().await, MailTrouble::default());
}

/// Each with a storm of its own at the same desk.
#[tokio::test]
async fn the_caps_are_those_of_all_mailers_together() {
    let bench = Bench::new();
    let others: Vec<_> = (0..5).map(|_| bench.mailer_over(bench.store.clone())).collect();
    let stop = CancellationToken::new();
    for code in ('a'..='z').chain('A'..='Z').map(String::from) {
        bench.letters(&code, 1).await;
        bench.clock.advance(Duration::from_secs(31));
        for mailer in others.iter().chain([&bench.mailer]) {
            mailer.round(false, &stop).await.unwrap();
        }
    }
    assert_eq!(bench.taken().len(), 12);
}

/// A mail names the installation, and two of them never share an id.
#[tokio::test]
async fn two_installations_send_under_ids_of_their_own() {
    let mut ids = Vec::new();
    for _ in 0..2 {
        let bench = Bench::new();
        bench.letters("broken", 1).await;
        bench.mailer.flush().await.unwrap();
        ids.push(bench.taken()[0].id.clone());
    }
    assert_ne!(ids[0], ids[1]);
}

/// A transport without a timeout of its own: the claim must not end before the attempt does.
#[tokio::test]
async fn no_attempt_outlasts_its_claim() {
    let bench = Bench::new();
    bench.letters("broken", 1).await;
    bench.clock.advance(Duration::from_mins(1));
    bench.server.is_slow.store(true, std::sync::atomic::Ordering::Relaxed);
    let other = bench.mailer_over(bench.store.clone());
    let stop = CancellationToken::new();
    let watching = async {
        while bench.trouble().await.failure.is_none() {
            assert_eq!(
                other.claim(Channel::Mail).await.unwrap(),
                None,
                "it is taken over while it is being sent"
            );
            bench.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    let both = async { tokio::join!(bench.mailer.round(false, &stop), watching) };
    let (sent, ()) = tokio::time::timeout(Duration::from_secs(20), both).await.expect("the attempt ends");
    sent.unwrap();
    assert!(bench.trouble().await.failure.unwrap().contains("not done within"));
}
