//! When no mail goes out until someone changes something, the webhook hears of it.

use super::*;

impl Bench {
    /// A mailer that also has `webhook`.
    fn with_webhook(mut self, webhook: &Arc<Server>) -> Self {
        let transports = Transports { mail: Some(self.server.clone()), webhook: Some(webhook.clone()) };
        let clock = Arc::new(self.clock.clone());
        self.mailer = Mailer::over(config::Config::defaults().mail, self.store.clone(), transports, clock);
        self
    }
}

/// What `webhook` was told of mails that do not go out.
fn told(webhook: &Server) -> Vec<Mail> {
    let taken = webhook.taken.lock().unwrap().clone();
    taken.into_iter().filter(|message| message.body.contains("coinpipe.mail")).collect()
}

#[tokio::test]
async fn a_login_that_is_refused_is_told_on_the_webhook_once_each_time() {
    let webhook = Arc::new(Server::default());
    let bench = Bench::new().with_webhook(&webhook);
    bench.answer(Some(SendErrorKind::Misconfigured));
    bench.letters("broken", 1).await;
    bench.pass(Duration::from_hours(2)).await;
    let first = told(&webhook);
    assert_eq!(first.len(), 1, "{first:#?}");
    assert_eq!(first[0].channel, Channel::Webhook);
    assert!(first[0].subject.contains("No mail goes out"), "{}", first[0].subject);
    assert!(first[0].body.contains("[mail]") && first[0].body.contains("no"), "{}", first[0].body);
    // After it was mended it is news.
    bench.answer(None);
    bench.pass(Duration::from_mins(20)).await;
    assert_eq!(bench.taken().len(), 1);
    bench.answer(Some(SendErrorKind::Misconfigured));
    bench.letters("other", 1).await;
    bench.pass(Duration::from_hours(1)).await;
    let both = told(&webhook);
    assert_eq!(both.len(), 2);
    assert_ne!(both[0].id, both[1].id);
}

/// A webhook that is away is told with the next attempt, unless mails go out again before.
#[tokio::test]
async fn a_webhook_that_was_away_is_told_later_or_not_at_all() {
    for is_mended in [false, true] {
        let webhook = Arc::new(Server::default());
        let bench = Bench::new().with_webhook(&webhook);
        bench.answer(Some(SendErrorKind::Misconfigured));
        *webhook.answer.lock().unwrap() = Some(SendErrorKind::Transient);
        bench.letters("broken", 1).await;
        bench.pass(Duration::from_mins(10)).await;
        if is_mended {
            bench.answer(None);
            bench.pass(Duration::from_mins(20)).await;
        }
        *webhook.answer.lock().unwrap() = None;
        bench.pass(Duration::from_mins(40)).await;
        assert_eq!(told(&webhook).len(), usize::from(!is_mended));
    }
}

/// What passes by itself is told by nobody.
#[tokio::test]
async fn a_server_that_is_away_is_not_told_on_the_webhook() {
    let webhook = Arc::new(Server::default());
    let bench = Bench::new().with_webhook(&webhook);
    bench.answer(Some(SendErrorKind::Transient));
    bench.letters("broken", 1).await;
    bench.pass(Duration::from_hours(2)).await;
    assert_eq!(told(&webhook), []);
}
