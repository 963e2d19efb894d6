//! What the outbox promises about planning and posting, and about mails that are refused.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinSet;

use super::StoreLab;
use super::letters::group;
use super::sample::{at, letter};
use domain::Headers;
use ports::store::{
    Channel, Claim, Covered, Fate, Letters, Mail, MailResult, MailTrouble, Outbox, OutboxState, PostedMail,
    Posting,
};

/// A mail with texts of all kinds.
pub(super) fn mail(id: &str, posted_at: DateTime<Utc>) -> Mail {
    let wild = "\u{1f4a5} \u{202e}'\"\\ \0 Ü\r\n";
    Mail {
        html: Some(wild.repeat(400)),
        headers: Headers::new().with("X-Wild", wild),
        left: vec![wild.to_owned()],
        ..Mail::plain(id, format!("{id} {wild}"), wild.repeat(500), posted_at)
    }
}

fn covers(fingerprint: &str, letters: u64, total: u64) -> Covered {
    Covered { fingerprint: fingerprint.to_owned(), letters, total, is_end: false }
}

/// Posts `mail` whatever the state of the outbox; returns whether it was posted.
pub(super) async fn post(lab: &impl StoreLab, mail: &Mail, covered: &[Covered]) -> bool {
    let plan =
        |_: &OutboxState| Some(Posting { mail: mail.clone(), covered: covered.to_vec(), copies: Vec::new() });
    lab.store().post(at(0), &plan).await.expect("the outbox answers").is_some()
}

/// What a planner sees that looks back to `since`.
pub(super) async fn outbox_state(lab: &impl StoreLab, since: DateTime<Utc>) -> OutboxState {
    let seen = std::sync::Mutex::new(None);
    let plan = |state: &OutboxState| {
        *seen.lock().expect("nobody panics") = Some(state.clone());
        None
    };
    assert_eq!(lab.store().post(since, &plan).await.expect("the outbox answers"), None);
    seen.into_inner().expect("nobody panics").expect("it was asked")
}

/// Claims the next mail that is due at `now`, which there is, and records this of it.
pub(super) async fn try_next(lab: &impl StoreLab, now: DateTime<Utc>, result: MailResult) -> String {
    let claim = Claim {
        channel: Channel::Mail,
        now,
        until: now + TimeDelta::minutes(1),
        far: now + TimeDelta::hours(1),
    };
    let claimed = lab.store().claim(claim).await.expect("the outbox answers").expect("a mail is due");
    let (id, number) = (claimed.mail.id, claimed.number);
    assert!(lab.store().record(&id, number, now, &result).await.expect("the outbox answers"));
    id
}

async fn file(lab: &impl StoreLab, occasions: &[&str], fingerprint: &str) {
    for occasion in occasions {
        lab.store().file(&letter(occasion, at(0)), fingerprint).await.expect("the letter is filed");
    }
}

/// `unsent`, `mailed_at` and `mailed_total` of a group.
async fn mailed(lab: &impl StoreLab, fingerprint: &str) -> (u64, Option<DateTime<Utc>>, u64) {
    let group = group(lab, fingerprint).await;
    (group.unsent, group.mailed_at, group.mailed_total)
}

async fn trouble(lab: &impl StoreLab) -> MailTrouble {
    lab.store().trouble().await.expect("the outbox answers")
}

/// The same id again changes neither the mail nor the groups.
pub async fn a_mail_is_posted_once_and_covers_its_groups(lab: &impl StoreLab) {
    file(lab, &["a", "b", "c"], "one").await;
    file(lab, &["d", "e"], "two").await;
    file(lab, &["f"], "three").await;
    let first = mail("digest-1", at(30));
    // Letter c came after the mail was written.
    let is_posted = async || lab.store().is_posted(&first.id).await.expect("answers");
    assert!(!is_posted().await);
    assert!(post(lab, &first, &[covers("one", 2, 2), covers("two", 2, 2), covers("gone", 1, 1)]).await);
    assert!(is_posted().await);
    for _ in 0..2 {
        assert_eq!(mailed(lab, "one").await, (1, Some(at(30)), 2));
        assert_eq!(mailed(lab, "two").await, (0, Some(at(30)), 2));
        assert_eq!(mailed(lab, "three").await, (1, None, 0));
        assert_eq!(trouble(lab).await.waiting, 1);
        let again = Mail { subject: "other".to_owned(), posted_at: at(40), ..first.clone() };
        assert!(!post(lab, &again, &[covers("one", 1, 3), covers("three", 1, 1)]).await);
    }
    let claim = Claim { channel: Channel::Mail, now: at(30), until: at(60), far: at(3600) };
    let claimed = lab.store().claim(claim).await.expect("answers").expect("it is due");
    assert_eq!(claimed.mail, first);
}

/// `unsent` stops at 0.
pub async fn a_mail_covers_no_more_than_there_is(lab: &impl StoreLab) {
    file(lab, &["a", "b"], "one").await;
    post(lab, &mail("digest-1", at(1)), &[covers("one", 5, 2)]).await;
    assert_eq!(mailed(lab, "one").await, (0, Some(at(1)), 2));
    file(lab, &["c"], "one").await;
    assert_eq!(mailed(lab, "one").await, (1, Some(at(1)), 2));
    // What it gives back is no more than it took.
    try_next(lab, at(2), MailResult::Refused("no".to_owned())).await;
    assert_eq!(mailed(lab, "one").await, (3, None, 0));
}

/// Open groups with news; mails of the time asked for, and older ones that wait.
pub async fn a_planner_sees_what_is_untold_and_what_was_posted(lab: &impl StoreLab) {
    assert_eq!(outbox_state(lab, at(0)).await.groups, []);
    for (occasion, fingerprint) in [("a", "two"), ("b", "one"), ("c", "told"), ("d", "resolved")] {
        file(lab, &[occasion], fingerprint).await;
    }
    lab.resolve("resolved").await;
    for (id, posted_at) in [("a", 10), ("b", 20), ("c", 30), ("d", 40)] {
        post(lab, &mail(id, at(posted_at)), &[covers("told", 1, 1)]).await;
    }
    assert_eq!(try_next(lab, at(50), MailResult::Sent).await, "a");
    let later = MailResult::RetryAt { at: at(500), reason: "busy".to_owned() };
    assert_eq!(try_next(lab, at(51), later).await, "b");
    assert_eq!(try_next(lab, at(52), MailResult::Refused("no".to_owned())).await, "c");
    let posted = |posted_at, attempts, fate| PostedMail { posted_at: at(posted_at), attempts, fate };
    let a = posted(10, 1, Fate::Sent);
    let b = posted(20, 1, Fate::Waiting);
    let c = posted(30, 1, Fate::Refused(at(52)));
    let d = posted(40, 0, Fate::Waiting);
    for (since, mails) in [
        (0, vec![a, b, c, d]),
        (10, vec![a, b, c, d]),
        (11, vec![b, c, d]),
        (31, vec![b, d]),
        (99, vec![b, d]),
    ] {
        let seen = outbox_state(lab, at(since)).await;
        assert_eq!(seen.groups, [group(lab, "one").await, group(lab, "two").await]);
        assert_eq!(seen.mails, mails, "since {since}");
    }
}

/// Ten of them post as often as they can; each only where there is news, and while fewer than five mails were posted.
/// Letters are filed meanwhile. No mail covers what another does, none is more than allowed, nothing is lost.
pub async fn what_two_plan_holds_for_both(lab: &impl StoreLab) {
    const MOST: usize = 5;
    let mut tasks = JoinSet::new();
    for user in 0..10 {
        let store = if user % 2 == 0 { lab.store() } else { lab.beside().await };
        tasks.spawn(async move {
            for round in 0..10 {
                let occasion = format!("{user}/{round}");
                store.file(&letter(&occasion, at(0)), "one").await.expect("the letter is filed");
                let plan = |state: &OutboxState| {
                    let group = state.groups.first().filter(|_| state.mails.len() < MOST)?;
                    let mail = mail(&format!("{}-{occasion}", state.installation), at(round));
                    let covered = vec![covers(&group.fingerprint, group.unsent, group.total)];
                    // How much a mail covers is in its subject, for the sum.
                    let mail = Mail { subject: group.unsent.to_string(), ..mail };
                    Some(Posting { mail, covered, copies: Vec::new() })
                };
                store.post(at(0), &plan).await.expect("the outbox answers");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no user panics");
    }
    let mut told = 0;
    for _ in 0..MOST {
        let claim = Claim { channel: Channel::Mail, now: at(100), until: at(200), far: at(3600) };
        let claimed = lab.store().claim(claim).await.expect("answers").expect("as many as were allowed");
        told += claimed.mail.subject.parse::<u64>().expect("a number");
    }
    assert_eq!(trouble(lab).await.waiting, MOST as u64);
    let group = group(lab, "one").await;
    assert_eq!((group.total, told + group.unsent), (100, 100), "told {told}, untold {}", group.unsent);
}

/// Its groups are as if it had not been posted, apart from what was filed since; a resolved one stays resolved.
pub async fn a_refused_mail_gives_back_what_it_covered(lab: &impl StoreLab) {
    file(lab, &["a", "b"], "new").await;
    file(lab, &["c"], "known").await;
    post(lab, &mail("first", at(10)), &[covers("known", 1, 1)]).await;
    try_next(lab, at(11), MailResult::Sent).await;
    file(lab, &["d", "e"], "known").await;
    post(lab, &mail("second", at(20)), &[covers("known", 2, 3), covers("new", 2, 2)]).await;
    assert_eq!(
        (mailed(lab, "new").await, mailed(lab, "known").await),
        ((0, Some(at(20)), 2), (0, Some(at(20)), 3))
    );
    file(lab, &["f"], "new").await;
    lab.resolve("known").await;
    let before = group(lab, "known").await.state;
    assert_eq!(try_next(lab, at(21), MailResult::Refused("550".to_owned())).await, "second");
    assert_eq!(mailed(lab, "new").await, (3, None, 0));
    assert_eq!(mailed(lab, "known").await, (2, Some(at(10)), 1));
    assert_eq!(group(lab, "known").await.state, before);
}

/// The mail was put off for long. A later mail covered the same group, and its cover stays.
pub async fn a_refused_mail_leaves_what_a_later_one_told(lab: &impl StoreLab) {
    file(lab, &["a"], "one").await;
    post(lab, &mail("first", at(10)), &[covers("one", 1, 1)]).await;
    file(lab, &["b"], "one").await;
    post(lab, &mail("second", at(20)), &[covers("one", 1, 2)]).await;
    assert_eq!(try_next(lab, at(30), MailResult::Refused("550".to_owned())).await, "first");
    assert_eq!(mailed(lab, "one").await, (1, Some(at(20)), 2));
    assert_eq!(try_next(lab, at(30), MailResult::Sent).await, "second");
    assert_eq!(mailed(lab, "one").await, (1, Some(at(20)), 2));
}

/// For the planner it is sent, and covers for good; who is left is tried again alone.
pub async fn a_mail_that_some_have_is_sent_and_goes_on_to_the_others(lab: &impl StoreLab) {
    file(lab, &["a"], "one").await;
    post(lab, &Mail { left: Vec::new(), ..mail("first", at(10)) }, &[covers("one", 1, 1)]).await;
    let left = vec!["full@example.com".to_owned(), "\u{1f464}@example.com".to_owned()];
    let partly = MailResult::Partly { left: left.clone(), at: at(60), reason: "452 full".to_owned() };
    assert_eq!(try_next(lab, at(20), partly).await, "first");
    assert_eq!(mailed(lab, "one").await, (0, Some(at(10)), 1));
    assert_eq!(outbox_state(lab, at(0)).await.mails[0].fate, Fate::Sent);
    assert_eq!(outbox_state(lab, at(11)).await.mails, []);
    let waiting = MailTrouble {
        waiting: 1,
        waiting_since: Some(at(10)),
        failure: Some("452 full".to_owned()),
        ..MailTrouble::default()
    };
    assert_eq!(trouble(lab).await, waiting);
    let claim =
        |now| Claim { channel: Channel::Mail, now: at(now), until: at(now + 60), far: at(now + 3600) };
    assert_eq!(lab.store().claim(claim(59)).await.expect("answers"), None);
    let claimed = lab.store().claim(claim(60)).await.expect("answers").expect("it is due");
    assert_eq!((claimed.mail.left, claimed.mail.attempts), (left, 1));
    // The mailbox is gone meanwhile: nothing is told again.
    let refused = MailResult::Refused("550 gone".to_owned());
    assert!(lab.store().record("first", claimed.number, at(61), &refused).await.expect("answers"));
    assert_eq!(mailed(lab, "one").await, (0, Some(at(10)), 1));
    assert_eq!(outbox_state(lab, at(0)).await.mails[0].fate, Fate::Sent);
    assert_eq!(trouble(lab).await, MailTrouble::default());
}

/// It is claimed by who serves its channel, and is nothing to the planner or to the groups.
pub async fn what_says_the_same_on_another_channel_goes_its_own_way(lab: &impl StoreLab) {
    file(lab, &["a"], "one").await;
    let copy = |id| Mail { channel: Channel::Webhook, ..mail(id, at(10)) };
    let copies = vec![copy("first-a"), copy("first-b")];
    let plan = |_: &OutboxState| {
        let covered = vec![covers("one", 1, 1)];
        Some(Posting { mail: mail("first", at(10)), covered, copies: copies.clone() })
    };
    assert!(lab.store().post(at(0), &plan).await.expect("the outbox answers").is_some());
    assert_eq!(outbox_state(lab, at(0)).await.mails.len(), 1);
    assert_eq!(trouble(lab).await.waiting, 3);
    let claim = |channel, now| Claim { channel, now: at(now), until: at(now + 60), far: at(now + 3600) };
    let first = lab.store().claim(claim(Channel::Webhook, 10)).await.expect("answers").expect("it is due");
    assert_eq!(first.mail, copies[0]);
    let second = lab.store().claim(claim(Channel::Webhook, 10)).await.expect("answers").expect("it is due");
    assert_eq!(second.mail, copies[1]);
    assert_eq!(lab.store().claim(claim(Channel::Webhook, 10)).await.expect("answers"), None);
    let refused = MailResult::Refused("410".to_owned());
    assert!(lab.store().record("first-a", first.number, at(11), &refused).await.expect("answers"));
    let trouble_of = trouble(lab).await;
    assert_eq!(
        (trouble_of.refused, trouble_of.refused_copies),
        (0, 1),
        "it is told, and no mail is repeated"
    );
    assert_eq!(trouble_of.copy_refusal, Some((at(11), "410".to_owned())));
    assert!(lab.store().record("first-b", second.number, at(11), &MailResult::Sent).await.expect("answers"));
    // The mail still waits, and covers what it covers.
    assert_eq!(mailed(lab, "one").await, (0, Some(at(10)), 1));
    assert_eq!((trouble(lab).await.waiting, trouble(lab).await.refused), (1, 0));
    assert_eq!(
        (trouble(lab).await.refused_copies, trouble(lab).await.copy_refusal),
        (0, None),
        "it works again"
    );
    let mail = lab.store().claim(claim(Channel::Mail, 12)).await.expect("answers").expect("it is due");
    assert_eq!(mail.mail.id, "first");
}

/// How many wait, since when and why; how many were refused since one was sent, and why.
pub async fn what_keeps_mails_from_arriving_is_told(lab: &impl StoreLab) {
    assert_eq!(trouble(lab).await, MailTrouble::default());
    for (id, posted_at) in [("a", 10), ("b", 20), ("c", 30), ("d", 40)] {
        post(lab, &mail(id, at(posted_at)), &[]).await;
    }
    let waiting =
        |waiting, since| MailTrouble { waiting, waiting_since: Some(at(since)), ..MailTrouble::default() };
    assert_eq!(trouble(lab).await, waiting(4, 10));
    try_next(lab, at(50), MailResult::Sent).await;
    assert_eq!(trouble(lab).await, waiting(3, 20));
    try_next(lab, at(51), MailResult::Refused("550 first".to_owned())).await;
    try_next(lab, at(52), MailResult::Refused("550 second \u{1f464}".to_owned())).await;
    let later = MailResult::RetryAt { at: at(60), reason: "451 later \u{1f464}".to_owned() };
    try_next(lab, at(53), later).await;
    let all = MailTrouble {
        failure: Some("451 later \u{1f464}".to_owned()),
        refused: 2,
        refusal: Some((at(52), "550 second \u{1f464}".to_owned())),
        ..waiting(1, 40)
    };
    assert_eq!(trouble(lab).await, all);
    try_next(lab, at(60), MailResult::Sent).await;
    assert_eq!(trouble(lab).await, MailTrouble::default());
}

/// Every process reads the same one; it can stand in a Message-ID.
pub async fn an_installation_keeps_its_name(lab: &impl StoreLab) {
    let name = outbox_state(lab, at(0)).await.installation;
    assert!(
        (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{name}"
    );
    let beside: Arc<_> = lab.beside().await;
    let seen = std::sync::Mutex::new(String::new());
    let plan = |state: &OutboxState| {
        seen.lock().expect("nobody panics").clone_from(&state.installation);
        None
    };
    beside.post(at(0), &plan).await.expect("the outbox answers");
    assert_eq!(seen.into_inner().expect("nobody panics"), name);
}
