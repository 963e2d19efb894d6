use testkit::clock::ManualClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn mail() -> Mail {
    let at = ManualClock::default().now();
    Mail::plain("coinpipe-1-webhook", "subject", r#"{"type":"coinpipe.trouble","text":"é"}"#, at)
}

fn webhook(url: &str, secret: &str) -> Webhook {
    Webhook::new(&Secret::new(url), &Secret::new(secret), Arc::new(ManualClock::default())).unwrap()
}

/// Answers one call with `answer`; returns its path and what it was.
async fn serve(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/services/s3cret", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut call, mut bytes) = (Vec::new(), [0; 4096]);
        while !call.ends_with(b"}") {
            let count = stream.read(&mut bytes).await.unwrap();
            assert!(count > 0, "the call ends too early");
            call.extend_from_slice(&bytes[..count]);
        }
        stream.write_all(format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
        String::from_utf8(call).unwrap()
    });
    (url, served)
}

/// The example of the specification (<https://github.com/standard-webhooks/standard-webhooks>).
#[test]
fn signatures_are_those_of_standard_webhooks() {
    let key = Key::new(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap().unwrap();
    let signature =
        key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#).unwrap();
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[tokio::test]
async fn a_message_arrives_whole_and_signed() {
    let (url, served) = serve("204 No Content").await;
    let webhook = webhook(&url, "a secret of 16 chars");
    assert_eq!(webhook.send(&mail()).await, Ok(Sent::ToAll));
    let call = served.await.unwrap();
    let (head, body) = call.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, mail().body);
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("{name} is not in:\n{head}")).to_owned()
    };
    assert_eq!(
        (header("content-type").as_str(), header("webhook-id").as_str()),
        ("application/json", "coinpipe-1-webhook")
    );
    let second = header("webhook-timestamp").parse().unwrap();
    let signature = Key(b"a secret of 16 chars".to_vec()).sign(&mail().id, second, body).unwrap();
    assert_eq!(header("webhook-signature"), signature);
}

#[tokio::test]
async fn each_answer_has_its_meaning_and_no_error_shows_the_url() {
    use SendErrorKind::{Misconfigured, Refused, Transient};
    for (answer, kind) in [
        ("301 Moved", Misconfigured),
        ("400 Bad", Refused),
        ("401 Who", Misconfigured),
        ("404 Where", Misconfigured),
        ("410 Gone", Misconfigured),
        ("413 Long", Refused),
        ("429 Slow", Transient),
        ("500 Oh", Transient),
        ("503 Later", Transient),
    ] {
        let (url, _served) = serve(answer).await;
        let error = webhook(&url, "").send(&mail()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{answer}: {error}");
        assert!(!error.reason.contains("s3cret"), "{error}");
    }
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let away = webhook(&format!("http://{address}/services/s3cret"), "").send(&mail()).await.unwrap_err();
    assert_eq!(away.kind, Transient);
    assert!(!away.reason.contains("s3cret") && away.reason.contains("webhook"), "{away}");
}
