//! Against a real SMTP server, over STARTTLS and with a login: each way in which it can fail, and that the mail arrives in the end.

use std::collections::BTreeMap;

use lab::{SmtpFaults, SmtpServer};
use ports::Outbox;
use ports::store::{Claim, MailResult, OutboxState, Posting};
use testkit::clock::ManualClock;
use testkit::memory::MemoryStore;

use super::*;

/// Long enough for a machine that is busy, and far below what a mute server takes.
const PATIENT: Duration = Duration::from_secs(20);

fn transport(url: &str, timeout: Duration) -> Arc<dyn Transport> {
    let settings = config::Mail { timeout, ..settings(url) };
    transport_from(&settings).unwrap().unwrap()
}

/// Sends over STARTTLS with the right login, to a server with these faults, and then once more to one without.
async fn send_twice(faults: SmtpFaults, timeout: Duration) -> Option<(Result<Sent, SendError>, SmtpServer)> {
    let mut server = SmtpServer::start_or_skip(&faults)?;
    let first = transport(&server.url(), timeout).send(&mail()).await;
    let before = server.taken().len();
    server.stop().unwrap();
    server.start_again(&SmtpFaults::default()).unwrap();
    let second = transport(&server.url(), PATIENT).send(&mail()).await;
    assert_eq!(second, Ok(Sent::ToAll), "after {first:?}");
    assert_eq!(server.taken().len(), before + 1);
    Some((first, server))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_html_and_headers_arrive_over_tls_and_with_a_login() {
    let Some(server) = SmtpServer::start_or_skip(&SmtpFaults::default()) else { return };
    let root = "<group-1-2026-11-22@1a2b.coinpipe.localhost>";
    let mail = Mail {
        html: Some("<!doctype html>\n<p>l&#233;tters</p>\n".to_owned()),
        headers: domain::Headers::new().with("X-Coinpipe-Group", "f00").with("In-Reply-To", root),
        ..mail()
    };
    let transport = transport(&server.url(), PATIENT);
    assert!(transport.check().await.unwrap().contains("takes mail"));
    assert_eq!(transport.send(&mail).await, Ok(Sent::ToAll));
    assert_eq!(transport.send(&mail).await, Ok(Sent::ToAll));
    let taken = server.taken();
    let first = &taken[0];
    assert!(first.is_encrypted && first.is_logged_in, "{first:?}");
    assert_eq!(first.recipients, ["ops@example.com", "dev@example.com"]);
    for part in [
        "Message-ID: <coinpipe-1@localhost>",
        "X-Coinpipe-Group: f00",
        &format!("In-Reply-To: {root}"),
        "multipart/alternative",
        "Line one\r\n.\r\nLine three",
        "<p>l&#233;tters</p>",
    ] {
        assert!(first.text.contains(part), "{part} is not in:\n{}", first.text);
    }
    let [text, html] = ["Line one", "<!doctype html>"].map(|part| first.text.find(part).unwrap());
    assert!(text < html, "programs show the last part that they understand");
    // A repeat is the same mail, byte by byte.
    assert_eq!(taken[1], *first);
}

/// Down, mute, slow, 4xx, dropped after DATA: it is waited for, and then the mail arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_is_waited_for() {
    let short = Duration::from_secs(1);
    let answer = |answer: &str| SmtpFaults { answer: Some(answer.to_owned()), ..SmtpFaults::default() };
    for (name, faults, timeout) in [
        ("mute", SmtpFaults { is_mute: true, ..SmtpFaults::default() }, short),
        ("slow", SmtpFaults { delay: 60.0, ..SmtpFaults::default() }, short),
        ("451", answer("451 4.3.0 later"), PATIENT),
        ("full", answer("552 5.2.2 full"), PATIENT),
        ("421", answer("421 4.3.2 closing"), PATIENT),
        ("dropped", SmtpFaults { drops: true, ..SmtpFaults::default() }, PATIENT),
    ] {
        let Some((first, _)) = send_twice(faults, timeout).await else { return };
        assert_eq!(first.unwrap_err().kind, SendErrorKind::Transient, "{name}");
    }
    let Some(mut server) = SmtpServer::start_or_skip(&SmtpFaults::default()) else { return };
    server.stop().unwrap();
    let down = transport(&server.url(), PATIENT).send(&mail()).await;
    assert_eq!(down.unwrap_err().kind, SendErrorKind::Transient, "down");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_its_time_takes_the_mail_once() {
    let slow = SmtpFaults { delay: 1.0, ..SmtpFaults::default() };
    let Some((first, server)) = send_twice(slow, PATIENT).await else { return };
    assert_eq!(first, Ok(Sent::ToAll));
    assert_eq!(server.taken().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_for_good_is_refused() {
    for answer in ["550 5.7.1 spam", "554 no"] {
        let faults = SmtpFaults { answer: Some(answer.to_owned()), ..SmtpFaults::default() };
        let Some((first, _)) = send_twice(faults, PATIENT).await else { return };
        let error = first.unwrap_err();
        assert_eq!(error.kind, SendErrorKind::Refused, "{answer}");
        assert!(error.reason.contains(answer.split_once(' ').unwrap().1), "{error}");
    }
}

/// The login, the certificate, or TLS itself: somebody has to change something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_has_to_change_is_said_without_the_password() {
    let Some(server) = SmtpServer::start_or_skip(&SmtpFaults::default()) else { return };
    let url = server.url();
    for (name, url, word) in [
        ("another password", url.replace("hunter%402", "hunter3"), "password"),
        ("no login", url.replace("me:hunter%402@", ""), "login"),
        ("an authority that nobody knows", server.url_without_authority(), "TLS"),
        ("a certificate for another name", url.replace("localhost", "127.0.0.1"), "TLS"),
        ("no TLS", url.replace("tls=required", "tls=none"), ""),
    ] {
        let error = transport(&url, PATIENT).send(&mail()).await.expect_err(name);
        assert_eq!(error.kind, SendErrorKind::Misconfigured, "{name}: {error}");
        assert!(error.reason.contains(word) && !error.reason.contains("hunter"), "{name}: {error}");
    }
    assert_eq!(server.taken(), []);
}

/// One is refused for good, one has a full mailbox, one gets it: each once, also when the mailer is another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_get_a_mail_keeps_it_from_nobody_else() {
    let recipients = [("gone@example.com", "550 5.1.1 nobody"), ("full@example.com", "452 4.2.2 full")];
    let recipients: BTreeMap<_, _> =
        recipients.into_iter().map(|(who, answer)| (who.to_owned(), answer.to_owned())).collect();
    let Some(mut server) = SmtpServer::start_or_skip(&SmtpFaults { recipients, ..SmtpFaults::default() })
    else {
        return;
    };
    let mut settings = config::Mail { timeout: PATIENT, ..settings(&server.url()) };
    settings.to = ["gone@example.com", "full@example.com", "ops@example.com"].map(str::to_owned).to_vec();
    let transport = transport_from(&settings).unwrap().unwrap();
    let clock = Arc::new(ManualClock::default());
    let store = MemoryStore::new(clock.clone());
    let plan = |_: &OutboxState| Some(Posting { mail: mail(), covered: Vec::new(), copies: Vec::new() });
    let posted_at = mail().posted_at;
    store.post(posted_at, &plan).await.unwrap().expect("it is posted");
    let claim = |minutes: i64| {
        let now = posted_at + chrono::TimeDelta::minutes(minutes);
        let (until, far) = (now + chrono::TimeDelta::minutes(2), now + chrono::TimeDelta::hours(1));
        Claim { channel: Channel::Mail, now, until, far }
    };
    let claimed = store.claim(claim(0)).await.unwrap().expect("it is due");
    let Ok(Sent::ToSome { left, error }) = transport.send(&claimed.mail).await else { panic!("not to some") };
    assert_eq!(
        (left.as_slice(), error.kind),
        (&["full@example.com".to_owned()][..], SendErrorKind::Transient)
    );
    let partly = MailResult::Partly { left, at: claim(1).now, reason: error.reason };
    assert!(store.record("coinpipe-1", claimed.number, posted_at, &partly).await.unwrap());

    server.stop().unwrap();
    server.start_again(&SmtpFaults::default()).unwrap();
    let claimed = store.claim(claim(1)).await.unwrap().expect("one is left");
    assert_eq!(transport.send(&claimed.mail).await, Ok(Sent::ToAll));
    let taken: Vec<_> = server.taken().into_iter().map(|mail| mail.recipients).collect();
    assert_eq!(taken, [["ops@example.com"], ["full@example.com"]]);
}
