use std::net::SocketAddr;

use domain::timestamp;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::smtp::{TlsMode, tls_mode};
use super::*;

fn mail() -> Mail {
    Mail {
        id: "coinpipe-1".to_owned(),
        subject: "[coinpipe] über\r\nBcc: all@example.com".to_owned(),
        body: "Line one\n.\nLine three\n".to_owned(),
        posted_at: timestamp::from_text("2026-11-22T14:00:00Z").unwrap(),
        attempts: 0,
    }
}

fn settings(url: &str) -> config::Mail {
    let mut settings = config::Config::defaults().mail;
    settings.url = SecretUrl::new(url);
    settings.to = vec!["Ops <ops@example.com>".to_owned(), "dev@example.com".to_owned()];
    settings.timeout = Duration::from_millis(500);
    settings
}

/// What the server does instead of going on.
#[derive(Clone, Copy, PartialEq)]
enum Script {
    Fine,
    /// Answer this line to the command that begins so.
    Answer(&'static str, &'static str),
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
        if script == Script::Mute {
            let _ = lines.next_line().await;
            return text;
        }
        let greeting = if let Script::Greet(line) = script { line } else { "220 test" };
        writer.write_all(format!("{greeting}\r\n").as_bytes()).await.unwrap();
        let mut in_text = false;
        while let Ok(Some(line)) = lines.next_line().await {
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
                _ if line.starts_with("EHLO") => "250-test\r\n250 AUTH PLAIN LOGIN",
                _ if line.starts_with("DATA") => {
                    in_text = true;
                    "354 go on"
                }
                _ if line.starts_with("AUTH") => "235 welcome",
                _ => "250 ok",
            };
            writer.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
        }
        text
    });
    (address, served)
}

async fn send(script: Script) -> (Result<(), SendError>, String) {
    let (address, served) = serve(script).await;
    let transport = transport_from(&settings(&format!("smtp://me:hunter%402@{address}"))).unwrap().unwrap();
    let result = transport.send(&mail()).await;
    drop(transport);
    let text = match script {
        Script::Fine => served.await.unwrap(),
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
    use SendErrorKind::{Authentication, Permanent, Transient};
    for (script, kind) in [
        (Script::Answer("MAIL", "450 later"), Transient),
        (Script::Answer("RCPT", "550 nobody here"), Permanent),
        (Script::Answer("AUTH", "535 wrong"), Authentication),
        (Script::Answer("AUTH", "538 not without TLS"), Authentication),
        (Script::Answer("AUTH", "554 go away"), Authentication),
        (Script::Answer("AUTH", "535 no such login: me hunter@2"), Authentication),
        (Script::Answer("AUTH", "454 later"), Transient),
        (Script::Answer("EHLO", "250 no logins here"), Authentication),
        (Script::Greet("554 no mail here"), Transient),
        (Script::Answer("MAIL", "530 log in first"), Authentication),
        (Script::Answer("EHLO", "421 closing"), Transient),
        (Script::Answer("EHLO", "rubbish"), Transient),
        (Script::Mute, Transient),
        (Script::MuteAfterData, Transient),
        (Script::DropAfterData, Transient),
    ] {
        let name = if let Script::Answer(_, answer) = script { answer } else { "silence" };
        let sending = tokio::time::timeout(Duration::from_secs(20), send(script));
        let (result, _) = sending.await.unwrap_or_else(|_| panic!("{name}: the timeout does not cover it"));
        let error = result.expect_err(name);
        assert_eq!(error.kind, kind, "{name}: {error}");
        assert!(!error.reason.contains("hunter"), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_mail_that_was_taken_is_sent_even_when_the_server_never_says_goodbye() {
    let sending = tokio::time::timeout(Duration::from_secs(20), send(Script::MuteAfterQuit));
    let (result, _) = sending.await.expect("the timeout does not cover the goodbye");
    assert_eq!(result, Ok(()), "it would be sent again and again");
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
