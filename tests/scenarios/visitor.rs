//! Somebody who looks at the site of a real program, logs in, and acts.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::place::Place;
use crate::process::DEADLINE;
use crate::workers::Worker;

/// What operators log in with at every server that [`Served`] starts.
pub(crate) const TOKEN: &str = "the-operators-token-1";

/// A program that serves the site, with the address it has.
pub(crate) struct Served {
    pub worker: Worker,
    pub address: String,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    /// The lines of the head, without the first.
    head: String,
    pub body: String,
}

impl Answer {
    /// The value of the header `name`; empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let pairs = self.head.lines().filter_map(|line| line.split_once(':'));
        pairs
            .into_iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value.trim())
    }

    /// What a browser would send of the cookies that this answer sets.
    pub(crate) fn cookies(&self) -> String {
        let pairs = self.head.lines().filter_map(|line| line.split_once(':'));
        let set = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        let kept = set
            .filter_map(|(_, cookie)| cookie.trim().split(';').next())
            .filter(|cookie| !cookie.ends_with('='));
        kept.collect::<Vec<_>>().join("; ")
    }

    /// The value of the hidden field `name` of a form.
    pub(crate) fn field(&self, name: &str) -> &str {
        let begin = format!("name=\"{name}\" value=\"");
        let rest =
            self.body.split_once(&begin).unwrap_or_else(|| panic!("no field {name} in:\n{}", self.body)).1;
        rest.split('"').next().unwrap_or_default()
    }
}

impl Served {
    /// Starts an alerter, and waits until it serves the site.
    pub(crate) async fn start(place: &Place) -> Self {
        let env = [
            ("COINPIPE__HTTP__LISTEN", "127.0.0.1:0"),
            ("COINPIPE__HTTP__OPERATOR_TOKEN", TOKEN),
            ("COINPIPE__LOG__FORMAT", "json"),
        ];
        let worker = Worker::start(place, "alerter", &env);
        worker.until_said("serving the site at http://127.0.0.1:").await;
        let log = worker.log();
        let line = log.lines().find(|line| line.contains("serving /livez")).expect("it was said");
        let line: serde_json::Value = serde_json::from_str(line).expect("lines of JSON");
        let address = line["address"].as_str().expect("an address").to_owned();
        Self { worker, address }
    }

    /// Asks for `path`, as nobody in particular.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "").await
    }

    /// Asks for `path` with `cookies`.
    pub(crate) async fn get_with(&self, path: &str, cookies: &str) -> Answer {
        self.ask("GET", path, cookies, "").await
    }

    /// Sends a form, as a browser does from a view of the site.
    pub(crate) async fn post(&self, path: &str, cookies: &str, fields: &[(&str, &str)]) -> Answer {
        let escaped = |text: &str| {
            text.bytes()
                .map(|byte| match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                        char::from(byte).to_string()
                    }
                    _ => format!("%{byte:02X}"),
                })
                .collect::<String>()
        };
        let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        self.ask("POST", path, cookies, &pairs.join("&")).await
    }

    /// Logs in as an operator of this name; the cookies.
    pub(crate) async fn log_in(&self, name: &str) -> String {
        let answer = self.post("/login", "", &[("token", TOKEN), ("name", name)]).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        answer.cookies()
    }

    /// Asks for `path` until `is_right`; that answer.
    pub(crate) async fn until(&self, path: &str, what: &str, is_right: impl Fn(&Answer) -> bool) -> Answer {
        let mut seen = None;
        let asking = async {
            let mut look = tokio::time::interval(Duration::from_millis(100));
            loop {
                look.tick().await;
                let answer = seen.insert(self.get(path).await);
                if is_right(answer) {
                    return;
                }
            }
        };
        let came = tokio::time::timeout(DEADLINE, asking).await.is_ok();
        let seen = seen.expect("it was asked");
        assert!(came, "{what} did not come at {path}: {seen:#?}\n{}", self.worker.log());
        seen
    }

    async fn ask(&self, method: &str, path: &str, cookies: &str, body: &str) -> Answer {
        let asking = async {
            let mut stream = TcpStream::connect(&self.address).await?;
            let (address, length) = (&self.address, body.len());
            let cookies = if cookies.is_empty() { String::new() } else { format!("Cookie: {cookies}\r\n") };
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: {address}\r\nSec-Fetch-Site: same-origin\r\n{cookies}\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\nConnection: \
                 close\r\n\r\n{body}"
            );
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = tokio::time::timeout(DEADLINE, asking).await.expect("in time").expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let (first, head) = head.split_once("\r\n").expect("headers");
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }
}
