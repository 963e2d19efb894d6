//! What the outbox promises.

use chrono::{DateTime, Utc};

use super::StoreLab;
use super::sample::{at, letter};
use crate::store::{Covered, Letters, Mail, MailResult, Outbox};

fn mail(id: &str, posted_at: DateTime<Utc>) -> Mail {
    let wild = "\u{1f4a5} \u{202e}'\"\\ \0 Ü\r\n";
    Mail {
        id: id.to_owned(),
        subject: format!("{id} {wild}"),
        body: wild.repeat(500),
        posted_at,
        attempts: 0,
    }
}

fn covers(fingerprint: &str, letters: u64) -> Covered {
    Covered { fingerprint: fingerprint.to_owned(), letters }
}

async fn post(lab: &impl StoreLab, mail: &Mail, covered: &[Covered]) {
    lab.store().post(mail, covered).await.expect("the mail is posted");
}

async fn due(lab: &impl StoreLab, now: DateTime<Utc>) -> Vec<Mail> {
    lab.store().due(now).await.expect("the outbox answers")
}

async fn attempt(lab: &impl StoreLab, id: &str, result: MailResult) {
    lab.store().record_attempt(id, at(0), &result).await.expect("the attempt is recorded");
}

async fn file(lab: &impl StoreLab, occasions: &[&str], fingerprint: &str) {
    for occasion in occasions {
        lab.store().file(&letter(occasion, at(0)), fingerprint).await.expect("the letter is filed");
    }
}

/// `unsent`, `mailed_at` and `mailed_total` of a group.
async fn mailed(lab: &impl StoreLab, fingerprint: &str) -> (u64, Option<DateTime<Utc>>, u64) {
    let groups = lab.store().groups(None).await.expect("the desk answers");
    let group =
        groups.into_iter().find(|group| group.fingerprint == fingerprint).expect("the group is there");
    (group.unsent, group.mailed_at, group.mailed_total)
}

/// The same id again changes neither the mail nor the groups.
pub async fn a_mail_is_posted_once_and_covers_its_groups(lab: &impl StoreLab) {
    file(lab, &["a", "b", "c"], "one").await;
    file(lab, &["d", "e"], "two").await;
    file(lab, &["f"], "three").await;
    let first = mail("digest-1", at(30));
    // Letter c came after the mail was written.
    post(lab, &first, &[covers("one", 2), covers("two", 2), covers("gone", 1)]).await;
    for _ in 0..2 {
        assert_eq!(mailed(lab, "one").await, (1, Some(at(30)), 3));
        assert_eq!(mailed(lab, "two").await, (0, Some(at(30)), 2));
        assert_eq!(mailed(lab, "three").await, (1, None, 0));
        assert_eq!(due(lab, at(30)).await, std::slice::from_ref(&first));
        let again = Mail { subject: "other".to_owned(), posted_at: at(40), ..first.clone() };
        post(lab, &again, &[covers("one", 1), covers("three", 1)]).await;
    }
}

/// `unsent` stops at 0.
pub async fn a_mail_covers_no_more_than_there_is(lab: &impl StoreLab) {
    file(lab, &["a", "b"], "one").await;
    post(lab, &mail("digest-1", at(1)), &[covers("one", 5)]).await;
    assert_eq!(mailed(lab, "one").await, (0, Some(at(1)), 2));
    file(lab, &["c"], "one").await;
    assert_eq!(mailed(lab, "one").await, (1, Some(at(1)), 2));
}

/// After a failed attempt it waits for its next time.
pub async fn a_mail_is_due_until_it_is_sent_or_refused(lab: &impl StoreLab) {
    for id in ["a", "b", "c"] {
        post(lab, &mail(id, at(10)), &[]).await;
    }
    let ids = |mails: Vec<Mail>| mails.into_iter().map(|mail| (mail.id, mail.attempts)).collect::<Vec<_>>();
    let waiting = |id: &str, attempts: u32| (id.to_owned(), attempts);
    assert_eq!(due(lab, at(9)).await, []);
    assert_eq!(ids(due(lab, at(10)).await), [waiting("a", 0), waiting("b", 0), waiting("c", 0)]);

    attempt(lab, "a", MailResult::RetryAt(at(40))).await;
    attempt(lab, "b", MailResult::Sent).await;
    attempt(lab, "c", MailResult::Refused("550 no such \u{1f464}".to_owned())).await;
    attempt(lab, "unknown", MailResult::Sent).await;
    assert_eq!(due(lab, at(39)).await, []);
    assert_eq!(ids(due(lab, at(40)).await), [waiting("a", 1)]);

    attempt(lab, "a", MailResult::RetryAt(at(50))).await;
    assert_eq!(due(lab, at(49)).await, []);
    assert_eq!(ids(due(lab, at(1_000_000)).await), [waiting("a", 2)]);
    attempt(lab, "a", MailResult::Sent).await;
    assert_eq!(due(lab, at(1_000_000)).await, []);
    assert_eq!(lab.store().posted_since(at(0)).await.expect("answers"), 3);
}

/// What was sent counts too.
pub async fn mails_come_oldest_first_and_are_counted_by_time(lab: &impl StoreLab) {
    for (id, posted_at) in [("late", at(30)), ("early", at(10)), ("middle", at(20))] {
        post(lab, &mail(id, posted_at), &[]).await;
    }
    let order: Vec<_> = due(lab, at(99)).await.into_iter().map(|mail| mail.id).collect();
    assert_eq!(order, ["early", "middle", "late"]);
    attempt(lab, "late", MailResult::Sent).await;
    for (since, expected) in [(at(0), 3), (at(10), 3), (at(11), 2), (at(30), 1), (at(31), 0)] {
        assert_eq!(lab.store().posted_since(since).await.expect("answers"), expected, "since {since}");
    }
}
