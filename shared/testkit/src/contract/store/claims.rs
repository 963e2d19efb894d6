//! What the outbox promises about claims: which process may send a mail.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinSet;

use super::StoreLab;
use super::outbox::{mail, post};
use super::sample::at;
use ports::store::{CLOCK_SKEW, Channel, Claim, ClaimedMail, MailResult, Outbox};

/// How long the claims here last, in seconds.
const LEASE: i64 = 60;

fn claim_at(now: DateTime<Utc>) -> Claim {
    Claim {
        channel: Channel::Mail,
        now,
        until: now + TimeDelta::seconds(LEASE),
        far: now + TimeDelta::minutes(15),
    }
}

async fn claim(store: &impl Outbox, now: DateTime<Utc>) -> Option<ClaimedMail> {
    store.claim(claim_at(now)).await.expect("the outbox answers")
}

/// Claims a mail, which there is, and gives its id and the number of the claim.
async fn hold(store: &impl Outbox, now: DateTime<Utc>) -> (String, u64) {
    let claimed = claim(store, now).await.expect("a mail is due");
    (claimed.mail.id, claimed.number)
}

async fn record(
    store: &impl Outbox,
    (id, number): &(String, u64),
    at: DateTime<Utc>,
    result: MailResult,
) -> bool {
    store.record(id, *number, at, &result).await.expect("the outbox answers")
}

fn later(seconds: i64) -> MailResult {
    MailResult::RetryAt { at: at(seconds), reason: "busy".to_owned() }
}

/// What one holds nobody else gets, nor it again.
pub async fn mails_are_claimed_oldest_first_and_by_one_at_a_time(lab: &impl StoreLab) {
    let (one, other) = (lab.store(), lab.beside().await);
    for (id, posted_at) in [("late", 30), ("early", 10), ("middle", 20)] {
        post(lab, &mail(id, at(posted_at)), &[]).await;
    }
    assert_eq!(claim(&*one, at(9)).await, None);
    let early = claim(&*one, at(40)).await.expect("a mail is due");
    assert_eq!(early.mail, mail("early", at(10)));
    let middle = hold(&*other, at(40)).await;
    let late = hold(&*one, at(40)).await;
    assert_eq!((middle.0.as_str(), late.0.as_str()), ("middle", "late"));
    assert_eq!(claim(&*one, at(41)).await, None);
    assert_eq!(claim(&*other, at(41)).await, None);
    assert!(record(&*other, &middle, at(42), MailResult::Sent).await);
    assert_eq!(claim(&*one, at(43)).await, None);
}

/// After a failed attempt it waits for its next time, for anybody.
pub async fn a_mail_is_due_until_it_is_sent_or_refused(lab: &impl StoreLab) {
    let (one, other) = (lab.store(), lab.beside().await);
    for id in ["a", "b", "c"] {
        post(lab, &mail(id, at(10)), &[]).await;
    }
    for result in [later(40), MailResult::Sent, MailResult::Refused("550 no such \u{1f464}".to_owned())] {
        let held = hold(&*one, at(10)).await;
        assert!(record(&*one, &held, at(11), result).await);
    }
    assert_eq!(claim(&*other, at(39)).await, None);
    let again = claim(&*other, at(40)).await.expect("its time has come");
    assert_eq!((again.mail.id.as_str(), again.mail.attempts), ("a", 1));
    assert!(record(&*other, &(again.mail.id, again.number), at(41), later(50)).await);
    assert_eq!(claim(&*one, at(49)).await, None);
    let again = claim(&*one, at(600)).await.expect("its time has come");
    assert_eq!((again.mail.id.as_str(), again.mail.attempts), ("a", 2));
    assert!(record(&*one, &(again.mail.id, again.number), at(601), MailResult::Sent).await);
    assert_eq!(claim(&*other, at(1_000_000)).await, None);
}

/// Its holder died, or was frozen and comes back: too late.
pub async fn a_claim_that_ended_is_taken_over_and_its_holder_records_nothing(lab: &impl StoreLab) {
    let (one, other) = (lab.store(), lab.beside().await);
    post(lab, &mail("a", at(0)), &[]).await;
    let first = hold(&*one, at(0)).await;
    assert_eq!(claim(&*other, at(LEASE - 1)).await, None);
    let second = claim(&*other, at(LEASE)).await.expect("the claim has ended");
    assert_eq!(second.mail, mail("a", at(0)));
    for result in [MailResult::Refused("no".to_owned()), later(1), MailResult::Sent] {
        assert!(!record(&*one, &first, at(LEASE + 1), result).await);
    }
    // It is still the other's.
    assert_eq!(claim(&*one, at(LEASE + 1)).await, None);
    // Whose claim ends too, but nobody has taken the mail over.
    let second = (second.mail.id, second.number);
    assert!(record(&*other, &second, at(9 * LEASE), MailResult::Sent).await);
    assert!(!record(&*one, &first, at(9 * LEASE), later(1)).await);
    assert_eq!(claim(&*one, at(1_000_000)).await, None);
}

/// The answer to the first may have been lost.
pub async fn an_attempt_is_recorded_once(lab: &impl StoreLab) {
    let store = lab.store();
    post(lab, &mail("a", at(0)), &[]).await;
    let held = hold(&*store, at(0)).await;
    assert!(record(&*store, &held, at(1), later(30)).await);
    assert!(!record(&*store, &held, at(1), later(30)).await);
    let again = claim(&*store, at(30)).await.expect("its time has come");
    assert_eq!(again.mail.attempts, 1);
    assert!(!record(&*store, &held, at(31), MailResult::Sent).await);
    assert!(!record(&*store, &("unknown".to_owned(), 1), at(31), MailResult::Sent).await);
}

/// Whoever is faster.
pub async fn two_that_claim_never_hold_one_mail(lab: &impl StoreLab) {
    const MAILS: usize = 12;
    for n in 0..MAILS {
        post(lab, &mail(&format!("m{n:02}"), at(0)), &[]).await;
    }
    let mut users = JoinSet::new();
    for user in 0..6 {
        let store = if user % 2 == 0 { lab.store() } else { lab.beside().await };
        users.spawn(async move {
            let mut held = Vec::new();
            while let Some(claimed) = claim(&*store, at(1)).await {
                held.push(claimed.mail.id);
            }
            held
        });
    }
    let mut held = Vec::new();
    while let Some(done) = users.join_next().await {
        held.extend(done.expect("no user panics"));
    }
    held.sort();
    let all: Vec<_> = (0..MAILS).map(|n| format!("m{n:02}")).collect();
    assert_eq!(held, all);
}

/// Neither an attempt that was put off by it, nor a claim; a clock that is a little ahead is no such clock.
pub async fn a_clock_that_was_ahead_holds_nothing_back(lab: &impl StoreLab) {
    let store = lab.store();
    let day = 86_400;
    post(lab, &mail("put off", at(day)), &[]).await;
    let held = hold(&*store, at(day)).await;
    assert!(record(&*store, &held, at(day), later(day + 900)).await);
    let again = hold(&*store, at(0)).await;
    assert_eq!(again.0, "put off");
    assert!(record(&*store, &again, at(0), MailResult::Sent).await);

    post(lab, &mail("held", at(-100)), &[]).await;
    hold(&*store, at(day)).await;
    let held = hold(&*store, at(0)).await;
    // The holder's clock is ahead, as far as clocks may be.
    let behind = at(0) - CLOCK_SKEW;
    assert_eq!(claim(&*store, behind).await, None);
    assert!(record(&*store, &held, at(1), MailResult::Sent).await);
}
