//! What is deleted of the desk, and what never is.

use std::time::Duration;

use chrono::TimeDelta;
use domain::StageName;

use super::StoreLab;
use super::desk::{file, found, listed, poison, replay};
use super::outbox::{mail, post};
use super::sample::at;
use ports::store::{Channel, Claim, Desk, Kept, LetterFilter, Letters, MailResult, Outbox};

/// The oldest first, by when they were settled, and with their deaths.
pub async fn what_is_old_and_settled_is_purged_in_portions(lab: &impl StoreLab) {
    let store = lab.store();
    for (name, stage) in [("a", StageName::Loader), ("b", StageName::Loader), ("c", StageName::Transformer)] {
        file(lab, &poison(name, stage, ""), "one").await;
    }
    let all = LetterFilter::default();
    // The newest one is settled first.
    for letter in listed(lab, &all).await {
        assert_eq!(store.settle(&[letter.key()], false, "old").await.expect("answers"), 1);
        lab.clock().advance(Duration::from_secs(10));
    }
    lab.resolve("one").await;
    let purge = async |kept, filter: &LetterFilter, before, limit| {
        lab.store().purge(kept, filter, at(before), limit).await.expect("answers")
    };
    assert_eq!(purge(Kept::Groups, &all, 999, 9).await, 0, "it has letters");
    assert_eq!(purge(Kept::Letters, &all, 3, 9).await, 0);
    let of_loader = LetterFilter { stage: Some(StageName::Loader), ..all.clone() };
    assert_eq!(purge(Kept::Letters, &of_loader, 4, 9).await, 0, "c is of another stage");
    assert_eq!(purge(Kept::Letters, &all, 999, 1).await, 1);
    assert_eq!(listed(lab, &LetterFilter { stage: Some(StageName::Transformer), ..all.clone() }).await, []);
    assert_eq!(purge(Kept::Letters, &all, 999, 9).await, 2);
    assert_eq!(store.letter("dead/loader/a").await.expect("answers"), None);
    assert_eq!(purge(Kept::Groups, &all, 2, 9).await, 0, "its last death is not that old");
    assert_eq!(purge(Kept::Groups, &all, 999, 9).await, 1);
    assert_eq!(store.groups(None).await.expect("answers"), []);
    // With nothing left of it, the same message is a new letter.
    file(lab, &poison("a", StageName::Loader, ""), "one").await;
    assert_eq!(found(lab, "dead/loader/a").await.summary.deaths, 1);
}

/// However old they are.
pub async fn open_letters_and_groups_in_use_are_never_purged(lab: &impl StoreLab) {
    let store = lab.store();
    file(lab, &poison("open", StageName::Loader, ""), "one").await;
    file(lab, &poison("sent", StageName::Loader, ""), "two").await;
    let sent = found(lab, "dead/loader/sent").await.key();
    assert!(store.replayed(&sent, &replay("r")).await.expect("answers"));
    for kept in Kept::ALL {
        let far = at(0) + TimeDelta::days(9999);
        assert_eq!(
            store.purge(kept, &LetterFilter::default(), far, 9).await.expect("answers"),
            0,
            "{kept:?}"
        );
    }
    assert_eq!(
        (listed(lab, &LetterFilter::default()).await.len(), store.groups(None).await.expect("answers").len()),
        (2, 2)
    );
}

/// Only what was sent or refused is.
pub async fn mails_that_wait_are_never_purged(lab: &impl StoreLab) {
    let store = lab.store();
    for (id, result) in [
        ("sent", Some(MailResult::Sent)),
        ("refused", Some(MailResult::Refused("no".to_owned()))),
        ("waits", None),
    ] {
        assert!(post(lab, &mail(id, at(0)), &[]).await);
        let Some(result) = result else { continue };
        let claim = Claim { channel: Channel::Mail, now: at(1), until: at(60), far: at(3600) };
        let claimed = store.claim(claim).await.expect("answers").expect("a mail is due");
        assert!(store.record(&claimed.mail.id, claimed.number, at(2), &result).await.expect("answers"));
    }
    let purge = async |before| {
        lab.store().purge(Kept::Mails, &LetterFilter::default(), at(before), 9).await.expect("answers")
    };
    assert_eq!((purge(0).await, purge(99).await, purge(99).await), (0, 2, 0));
    assert_eq!(store.trouble().await.expect("answers").waiting, 1);
}
