//! A recipient who cannot get a mail keeps it from nobody else, and holds up no other mail.

use super::*;

fn all_but_one() -> Sent {
    let error = SendError { kind: SendErrorKind::Transient, reason: "full".to_owned() };
    Sent::ToSome { left: vec!["full@example.com".to_owned()], error }
}

impl Bench {
    fn sent(&self, sent: Option<Sent>) {
        *self.server.sent.lock().unwrap() = sent;
    }

    /// Who was left each time.
    fn left(&self) -> Vec<Vec<String>> {
        self.taken().into_iter().map(|mail| mail.left).collect()
    }
}

#[tokio::test]
async fn who_cannot_get_it_now_is_tried_again_alone() {
    let bench = Bench::new();
    bench.sent(Some(all_but_one()));
    bench.letters("broken", 1).await;
    bench.mailer.flush().await.unwrap();
    bench.pass(Duration::from_secs(25)).await;
    assert_eq!(bench.left(), [Vec::<String>::new()]);
    bench.sent(None);
    bench.pass(Duration::from_hours(1)).await;
    assert_eq!(bench.left(), [Vec::new(), vec!["full@example.com".to_owned()]]);
    assert_eq!(bench.trouble().await, MailTrouble::default());
}

#[tokio::test]
async fn a_mail_that_one_lacks_holds_up_no_other() {
    let bench = Bench::new();
    bench.sent(Some(all_but_one()));
    bench.letters("broken", 1).await;
    bench.mailer.flush().await.unwrap();
    bench.letters("other", 1).await;
    bench.pass(Duration::from_mins(1)).await;
    let subjects: BTreeSet<_> = bench.taken().into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects.len(), 2, "{subjects:?}");
}

/// Those who have it must not get it again in the mail that takes the place of a refused one.
#[tokio::test]
async fn who_is_refused_later_or_never_reached_is_given_up() {
    for kind in [SendErrorKind::Refused, SendErrorKind::Transient, SendErrorKind::Misconfigured] {
        let bench = Bench::new();
        bench.sent(Some(all_but_one()));
        bench.letters("broken", 1).await;
        bench.mailer.flush().await.unwrap();
        bench.answer(Some(kind));
        bench.pass(Duration::from_hours(50)).await;
        assert_eq!(bench.trouble().await, MailTrouble::default(), "{kind:?}");
        bench.answer(None);
        let tried = bench.tried();
        assert!(tried.iter().all(|id| *id == tried[0]), "{kind:?}: it is told again");
        bench.pass(Duration::from_hours(5)).await;
        assert_eq!(bench.taken().len(), 1, "{kind:?}");
    }
}
