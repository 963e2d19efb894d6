//! A storm of dead letters while both alerters are killed again and again: every letter is filed once and counted once, and people
//! get few mails, none of them twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{Class, DeadLetter, Headers, MessageId, StageName};
use lab::MailServer;
use ports::{Clock, QueueName, SystemClock};

use crate::place::{Place, Servers};
use crate::workers::{Worker, dismiss};

/// Letters of the storm, of so many causes, one cause after the other.
const LETTERS: usize = 10_000;
const CAUSES: usize = 20;

/// How often both alerters are killed.
const KILLS: usize = 3;

/// `[mail] max_per_hour`, as it is unless somebody changes it.
const MAILS_AN_HOUR: usize = 12;

/// A loaded machine files slowly.
const DEADLINE: Duration = Duration::from_mins(6);

fn letters() -> Vec<DeadLetter> {
    let letter = |number: usize| {
        let cause = char::from(b'a' + u8::try_from(number / (LETTERS / CAUSES)).expect("few causes"));
        DeadLetter {
            id: MessageId::new(format!("dead/loader/storm/{number}")),
            class: Class::Poison,
            code: format!("broken_{cause}"),
            reason: format!("coin {number} is broken"),
            stage: Some(StageName::Loader),
            attempt: 1,
            first_seen_at: SystemClock.now(),
            headers: Headers::new(),
            body: domain::Bytes::from_static(b"{}"),
        }
    };
    (0..LETTERS).map(letter).collect()
}

fn alerter(place: &Place, server: &MailServer) -> Worker {
    let url = server.url();
    let env = [
        ("COINPIPE__MAIL__URL", url.as_str()),
        ("COINPIPE__MAIL__TO", "ops@example.com"),
        ("COINPIPE__MAIL__TIMEOUT", "5s"),
        // As the defaults are to each other: what the caps leave is room, not luck.
        ("COINPIPE__MAIL__GROUP_WAIT", "10s"),
        ("COINPIPE__MAIL__DIGEST_EVERY", "100s"),
    ];
    Worker::start(place, "alerter", &env)
}

/// How many deaths were counted.
async fn counted(place: &Place) -> u64 {
    let groups = place.store.letters().groups(None).await.expect("the desk can be read");
    groups.iter().map(|group| group.total).sum()
}

/// Waits until so many deaths were counted.
async fn until_counted(place: &Place, least: u64, workers: &[Worker]) {
    let counting = async {
        let mut look = tokio::time::interval(Duration::from_millis(100));
        while counted(place).await < least {
            look.tick().await;
        }
    };
    if tokio::time::timeout(DEADLINE, counting).await.is_err() {
        let logs: Vec<_> = workers.iter().map(Worker::log).collect();
        panic!("{} of {least} were counted\n{}", counted(place).await, logs.join("\n"));
    }
}

async fn every_letter_of_a_storm_is_told_once_in_few_mails(place: Place) {
    let server = MailServer::start(Duration::from_millis(300)).expect("a mail server");
    let letters = letters();
    let mut alerters = vec![alerter(&place, &server), alerter(&place, &server)];
    // They die in the midst of it: while the letters arrive.
    let publishing = async {
        for part in letters.chunks(200) {
            let messages: Vec<_> = part.iter().map(|letter| letter.clone().into_message()).collect();
            let mut backoff = outage::Backoff::default();
            while place.queue.publish(QueueName::Dead, &messages).await.is_err() {
                tokio::time::sleep(backoff.next_wait()).await;
            }
        }
    };
    let killing = async {
        for kill in 1..=KILLS {
            let share = LETTERS * kill / (KILLS + 2);
            until_counted(&place, share.try_into().expect("a count"), &alerters).await;
            for alerter in &mut alerters {
                alerter.kill9().await;
            }
            for worker in &mut alerters {
                *worker = alerter(&place, &server);
            }
        }
    };
    tokio::join!(publishing, killing);
    until_counted(&place, LETTERS as u64, &alerters).await;
    place.until_empty_of_within(QueueName::Dead, DEADLINE).await;
    // A claim of one that was killed has to end first.
    let told = async {
        let mut look = tokio::time::interval(Duration::from_millis(200));
        while place.store.outbox().trouble().await.expect("the outbox can be read").waiting > 0 {
            look.tick().await;
        }
    };
    tokio::time::timeout(DEADLINE, told).await.expect("a mail stays in the outbox");
    dismiss(alerters).await;

    let filed = place.store.letters().letters(None, u32::MAX).await.expect("the desk can be read");
    let ids: BTreeSet<_> = filed.iter().map(|letter| letter.id.to_string()).collect();
    assert_eq!((filed.len(), ids.len()), (LETTERS, LETTERS), "each is listed once");
    assert!(filed.iter().all(|letter| letter.deaths == 1));

    let groups = place.store.letters().groups(None).await.expect("the desk can be read");
    let totals: BTreeMap<_, _> = groups.iter().map(|group| (group.code.clone(), group.total)).collect();
    assert_eq!(totals.len(), CAUSES);
    assert!(totals.values().all(|total| *total == (LETTERS / CAUSES) as u64), "{totals:?}");
    for group in &groups {
        assert_eq!(group.mailed_total + group.unsent, group.total, "told once, or not yet: {group:?}");
    }

    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for mail in server.taken() {
        *times.entry(mail.message_id).or_default() += 1;
    }
    assert!((1..=MAILS_AN_HOUR).contains(&times.len()), "{} mails", times.len());
    // One is sent at a time; the answer about it may be lost in a kill.
    let repeated: usize = times.values().map(|times| times - 1).sum();
    assert!(repeated <= KILLS, "{times:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_letter_of_a_storm_is_told_once_in_few_mails_embedded() {
    every_letter_of_a_storm_is_told_once_in_few_mails(Place::embedded(1000).await).await;
}

mod private_servers {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_letter_of_a_storm_is_told_once_in_few_mails() {
        let Some(servers) = Servers::start().await else { return };
        super::every_letter_of_a_storm_is_told_once_in_few_mails(Place::on(&servers, 1000).await).await;
    }
}
