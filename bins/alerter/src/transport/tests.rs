mod private_server;

use std::net::SocketAddr;

use domain::timestamp;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::smtp::{TlsMode, tls_mode};
use super::*;

fn mail() -> Mail {
    let (subject, body) = ("[coinpipe] über\r\nBcc: all@example.com", "Line one\n.\nLine three\n");
    Mail::plain("coinpipe-1", subject, body, timestamp::from_text("2026-11-22T14:00:00Z").unwrap())
}

fn settings(url: &str) -> config::Mail {
    let mut settings = config::Config::defaults().mail;
    settings.url = SecretUrl::new(url);
    settings.to = vec!["Ops <ops@example.com>".to_owned(), "dev@example.com".to_owned()];
    settings.timeout = Duration::from_millis(500);
    settings
}

/// What the server does instead of going on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Script {
    Fine,
    /// Answer this line to the command that begins so.
    Answer(&'static str, &'static str),
    /// The same, and never say anything more.
    MuteAfter(&'static str, &'static str),
    /// Answer this line to the text.
    AnswerText(&'static str),
    /// Close the connection before anything is said.
    DropAtOnce,
    /// Greet with these bytes.
    GreetBytes(&'static [u8]),
    /// Never say anything.
    Mute,
    /// Never answer after the text.
    MuteAfterData,
    /// Close the connection after the text.
    DropAfterData,
    /// Take the mail, and never answer the goodbye.
    MuteAfterQuit,
    /// Greet with this line.
    Greet(&'static str),
}

/// A real SMTP server on a free port, for one connection; returns the text it was given.
async fn serve(script: Script) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        let mut text = String::new();
        let greeting = match script {
            Script::Mute => {
                let _ = lines.next_line().await;
                return text;
            }
            Script::DropAtOnce => return text,
            Script::GreetBytes(bytes) => bytes.to_vec(),
            Script::Greet(line) => format!("{line}\r\n").into_bytes(),
            _ => b"220 test\r\n".to_vec(),
        };
        writer.write_all(&greeting).await.unwrap();
        let (mut in_text, mut is_mute) = (false, false);
        while let Ok(Some(line)) = lines.next_line().await {
            if is_mute {
                continue;
            }
            let was_in_text = in_text;
            if in_text {
                text.push_str(&line);
                text.push('\n');
                if line != "." {
                    continue;
                }
                in_text = false;
                match script {
                    Script::MuteAfterData => continue,
                    Script::DropAfterData => return text,
                    _ => {}
                }
            }
            let answer = match script {
                Script::MuteAfterQuit if line.starts_with("QUIT") => continue,
                Script::Answer(command, answer) if line.starts_with(command) => answer,
                Script::MuteAfter(command, answer) if line.starts_with(command) => {
                    // Both recipients are refused first.
                    is_mute = line.contains("dev@");
                    answer
                }
                Script::AnswerText(answer) if was_in_text => answer,
                _ if line.starts_with("EHLO") => "250-test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN",
                _ if line.starts_with("DATA") => {
                    in_text = true;
                    "354 go on"
                }
                _ if line.starts_with("AUTH") => "235 welcome",
                _ => "250 ok",
            };
            if writer.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                break;
            }
        }
        text
    });
    (address, served)
}

async fn send(script: Script) -> (Result<Sent, SendError>, String) {
    let (address, served) = serve(script).await;
    let transport = transport_from(&settings(&format!("smtp://me:hunter%402@{address}"))).unwrap().unwrap();
    let result = transport.send(&mail()).await;
    drop(transport);
    let text = match script {
        Script::Fine | Script::Answer("RCPT TO:<ops@", _) => served.await.unwrap(),
        _ => String::new(),
    };
    (result, text)
}

#[tokio::test]
async fn a_mail_arrives_whole_and_its_headers_cannot_be_forged() {
    let (result, text) = send(Script::Fine).await;
    result.unwrap();
    assert!(text.contains("Message-ID: <coinpipe-1@localhost>"), "{text}");
    assert!(text.contains("ops@example.com") && text.contains("dev@example.com"), "{text}");
    assert!(text.contains("Line one\n..\nLine three"), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("Bcc:")), "{text}");
}

#[tokio::test]
async fn every_answer_and_every_silence_has_its_meaning() {
    use SendErrorKind::{Misconfigured, Refused, Transient};
    for (script, kind) in [
        (Script::Answer("MAIL", "450 later"), Transient),
        (Script::Answer("RCPT", "550 nobody here"), Refused),
        (Script::Answer("RCPT", "552 5.2.2 full"), Transient),
        (Script::Answer("MAIL", "550 not you"), Misconfigured),
        (Script::Answer("MAIL", "553 5.7.1 not you"), Misconfigured),
        (Script::Answer("DATA", "554 5.7.1 no"), Refused),
        (Script::Answer("DATA", "452 4.3.1 full"), Transient),
        (Script::AnswerText("550 5.7.1 spam"), Refused),
        (Script::AnswerText("552 5.3.4 too big"), Refused),
        (Script::AnswerText("552 full"), Transient),
        (Script::AnswerText("451 later"), Transient),
        (Script::AnswerText("421 closing"), Transient),
        (Script::Answer("AUTH", "535 wrong"), Misconfigured),
        (Script::Answer("AUTH", "538 not without TLS"), Misconfigured),
        (Script::Answer("AUTH", "554 go away"), Misconfigured),
        (Script::Answer("AUTH", "535 no such login: me hunter@2"), Misconfigured),
        (Script::Answer("AUTH", "454 later"), Transient),
        (Script::Answer("EHLO", "250 no logins here"), Misconfigured),
        (Script::Answer("EHLO", "502 what"), Misconfigured),
        (Script::Greet("554 no mail here"), Transient),
        (Script::Greet("521 no mail here"), Misconfigured),
        (Script::Answer("MAIL", "530 log in first"), Misconfigured),
        (Script::Answer("EHLO", "421 closing"), Transient),
        (Script::Answer("EHLO", "rubbish"), Transient),
        (Script::Mute, Transient),
        (Script::MuteAfterData, Transient),
        (Script::DropAfterData, Transient),
        (Script::MuteAfter("RCPT", "550 nobody here"), Refused),
    ] {
        let name = format!("{script:?}");
        let sending = tokio::time::timeout(Duration::from_secs(20), send(script));
        let (result, _) = sending.await.unwrap_or_else(|_| panic!("{name}: the timeout does not cover it"));
        let error = result.expect_err(&name);
        assert_eq!(error.kind, kind, "{name}: {error}");
        assert!(!error.reason.contains("hunter"), "{name}: {error}");
    }
}

/// A server that speaks no TLS where it is asked for, or offers none; one that cuts it off is only away.
#[tokio::test]
async fn tls_that_is_not_possible_is_said_and_not_waited_for() {
    use SendErrorKind::{Misconfigured, Transient};
    for (script, url, kind) in [
        (Script::Fine, "smtps://me:x@", Misconfigured),
        (Script::Answer("EHLO", "250 no TLS here"), "smtp://me:x@", Misconfigured),
        (Script::Answer("STARTTLS", "454 later"), "smtp://me:x@", Transient),
        (Script::DropAtOnce, "smtps://me:x@", Transient),
    ] {
        let (address, _served) = serve(script).await;
        let query = if url.starts_with("smtp:") { "?tls=required" } else { "" };
        let transport = transport_from(&settings(&format!("{url}{address}{query}"))).unwrap().unwrap();
        let error = transport.send(&mail()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{script:?}: {error}");
    }
}

/// A text that is not UTF-8 is rubbish, and nothing about TLS.
#[tokio::test]
async fn a_greeting_that_is_no_text_is_waited_for() {
    let (error, _) = send(Script::GreetBytes(b"220 \xff\xfe\r\n")).await;
    assert_eq!(error.unwrap_err().kind, SendErrorKind::Transient);
}

#[tokio::test]
async fn a_recipient_that_is_refused_does_not_keep_the_others_from_getting_it() {
    let (result, text) = send(Script::Answer("RCPT TO:<ops@", "550 5.1.1 nobody here")).await;
    assert_eq!(result, Ok(Sent::ToAll));
    assert!(text.contains("Line one"), "{text}");
    // Who can get it later is left for later, whatever he needs.
    for (answer, kind) in [
        ("452 4.2.2 full", SendErrorKind::Transient),
        ("550 5.7.1 not from here", SendErrorKind::Misconfigured),
    ] {
        let (result, text) = send(Script::Answer("RCPT TO:<ops@", answer)).await;
        let Ok(Sent::ToSome { left, error }) = result else { panic!("{answer}: {result:?}") };
        assert_eq!((left, error.kind), (vec!["ops@example.com".to_owned()], kind));
        assert!(error.reason.starts_with("ops@example.com: "), "{error}");
        assert!(text.contains("Line one"), "{text}");
    }
}

#[tokio::test]
async fn a_mail_that_was_taken_is_sent_even_when_the_server_never_says_goodbye() {
    let sending = tokio::time::timeout(Duration::from_secs(20), send(Script::MuteAfterQuit));
    let (result, _) = sending.await.expect("the timeout does not cover the goodbye");
    assert_eq!(result, Ok(Sent::ToAll), "it would be sent again and again");
}

#[tokio::test]
async fn nobody_listening_is_transient() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let transport = transport_from(&settings(&format!("smtp://{address}"))).unwrap().unwrap();
    assert_eq!(transport.send(&mail()).await.unwrap_err().kind, SendErrorKind::Transient);
    assert!(transport.check().await.is_err());
}

#[tokio::test]
async fn a_server_that_takes_mail_passes_the_check() {
    let (address, _served) = serve(Script::Fine).await;
    let transport = transport_from(&settings(&format!("smtp://me:x@{address}"))).unwrap().unwrap();
    assert!(transport.check().await.unwrap().contains("takes mail"));
}

#[test]
fn tls_is_what_the_url_asks_for_and_required_unless_the_server_is_here() {
    let check =
        |url: &str, mode: TlsMode| assert_eq!(tls_mode(&url.parse().unwrap()).unwrap(), mode, "{url}");
    check("smtps://mail.example", TlsMode::FromTheStart);
    check("smtp://mail.example", TlsMode::Required);
    check("smtp://mail.example?tls=required", TlsMode::Required);
    check("smtp://mail.example?tls=opportunistic", TlsMode::Opportunistic);
    check("smtp://mail.example?tls=none", TlsMode::Never);
    check("smtp://localhost", TlsMode::Never);
    check("smtp://127.0.0.1:2525", TlsMode::Never);
    check("smtp://[::1]", TlsMode::Never);
    check("smtp://localhost?tls=required", TlsMode::Required);
}

#[test]
fn mistakes_name_the_setting_and_hide_the_password() {
    let check = |url: &str, to: &str, from: &str, part: &str| {
        let mut settings = settings(url);
        settings.to = vec![to.to_owned()];
        settings.from = from.to_owned();
        let error = transport_from(&settings).err().unwrap_or_else(|| panic!("{url} was taken")).to_string();
        assert!(error.contains(part) && !error.contains("hunter2"), "{error}");
    };
    let (to, from) = ("a@b.example", "c@d.example");
    check("smtp://me:hunter2@mail.example?tsl=none", to, from, "mail.url: has an unknown parameter \"tsl\"");
    check("smtp://me:hunter2@mail.example?tls=maybe", to, from, "maybe");
    check("smtps://me:hunter2@mail.example?tls=none", to, from, "smtps://");
    check("smtps://me:hunter2@mail.example?ca_file=/nowhere.pem", to, from, "/nowhere.pem");
    check("smtps://me:hunter2@mail.example?ca_file=/dev/zero", to, from, "larger than");
    check("smtp://me:hunter2%zz@mail.example", to, from, "hexadecimal");
    check("smtp://me:12?hunter2@mail.example", to, from, "percent-encoded");
    check("smtp://me:12/hunter2@mail.example", to, from, "percent-encoded");
    check("smtp://me:12#hunter2@mail.example", to, from, "percent-encoded");
    check("smtp://:hunter2@mail.example", to, from, "user");
    check("smtp:///mail.example", to, from, "host");
    check("smtp://me:hunter2@mail.example", "nobody", from, "mail.to");
    check("smtp://me:hunter2@mail.example", to, "x@y\r\nBcc: z@z", "mail.from");
    check("ftp://me:hunter2@mail.example", to, from, "ftp");
}

#[test]
fn without_a_url_and_recipients_nothing_is_mailed_and_half_of_it_is_a_mistake() {
    let mut nobody = settings("log:");
    nobody.to.clear();
    assert!(transport_from(&nobody).err().unwrap().to_string().contains("mail.to"));
    assert!(transport_from(&settings("")).err().unwrap().to_string().contains("mail.url"));
    nobody.url = SecretUrl::default();
    assert!(transport_from(&nobody).unwrap().is_none());
    // Said to be off, the recipients may stay.
    assert!(transport_from(&settings("off")).unwrap().is_none());
}

#[tokio::test]
async fn a_folder_gets_one_file_per_mail() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display());
    let transport = transport_from(&settings(&url)).unwrap().unwrap();
    transport.check().await.unwrap();
    transport.send(&mail()).await.unwrap();
    transport.send(&mail()).await.unwrap();
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["coinpipe-1.eml"]);
    let missing = transport_from(&settings("file:///nowhere/at/all")).unwrap().unwrap();
    assert_eq!(missing.send(&mail()).await.unwrap_err().kind, SendErrorKind::Transient);
}
