//! How to reach the broker and what to declare on it; and what a URL must look like.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use lapin::uri::{AMQPScheme, AMQPUri};
use url::{Host, Url};

/// How RabbitMQ is used. All processes of one pipeline need the same values for what is declared: the
/// prefix, the limits, the ladder of delays, the retention.
#[derive(Clone)]
pub struct Options {
    pub(crate) uri: AMQPUri,
    /// What the names of all queues and exchanges begin with.
    pub prefix: String,
    /// How this process is called in the broker's list of connections.
    pub connection_name: String,
    /// A file with certificates (PEM) to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// How often a message may be handed out to holders that die, at least 1.
    pub delivery_limit: u32,
    /// The delays that retries can have, at least one; each is a queue.
    pub retry_delays: Vec<Duration>,
    /// The size in bytes at which a work queue refuses what is published; `None`: it takes all.
    pub queue_max_bytes: Option<u64>,
    /// Age at which pages leave the archive. The broker drops whole segments, so they leave later.
    pub archive_keep: Duration,
    /// Size in bytes at which the archive drops its oldest segment.
    pub archive_max_bytes: u64,
    /// The size of a segment of the archive in bytes.
    pub archive_segment_bytes: u64,
    /// Whether what is missing is declared by each connection.
    pub declares: bool,
    /// The longest time to connect and log in.
    pub connect_timeout: Duration,
    /// The longest time for one message to be confirmed.
    pub publish_timeout: Duration,
    /// The longest time for any other answer.
    pub call_timeout: Duration,
    /// How long the archive is left alone after it did not take a page.
    pub(crate) archive_rest: Duration,
    /// How often a leader writes its note anew: far more often than a broker takes away what is held too long.
    pub(crate) lead_renewal: Duration,
}

impl Options {
    /// The defaults, for the broker at `url`: `amqp://user:password@host:5672/vhost` or `amqps://…`. The
    /// error says what is wrong with the URL, without any of its secrets.
    pub fn from_url(url: &str) -> Result<Self, String> {
        Ok(Self {
            uri: read(url)?,
            prefix: "coinpipe".to_owned(),
            connection_name: "coinpipe".to_owned(),
            ca_file: None,
            delivery_limit: 8,
            retry_delays: [10, 60, 600].map(Duration::from_secs).into(),
            queue_max_bytes: Some(4 << 30),
            archive_keep: Duration::from_hours(7 * 24),
            archive_max_bytes: 1 << 30,
            archive_segment_bytes: 100_000_000,
            declares: true,
            connect_timeout: Duration::from_secs(10),
            publish_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(10),
            archive_rest: Duration::from_secs(30),
            lead_renewal: Duration::from_secs(20),
        })
    }

    /// How long a connection may be silent before both sides give it up.
    pub fn heartbeat(&self) -> Duration {
        Duration::from_secs(u64::from(self.uri.query.heartbeat.unwrap_or(DEFAULT_HEARTBEAT)))
    }

    /// Where the broker is, for people: without user and password.
    pub fn place(&self) -> String {
        let AMQPUri { scheme, authority, vhost, .. } = &self.uri;
        let host = &authority.host;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        format!("{scheme}://{host}:{} (virtual host {vhost:?})", authority.port)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("place", &self.place())
            .field("prefix", &self.prefix)
            .field("delivery_limit", &self.delivery_limit)
            .field("retry_delays", &self.retry_delays)
            .finish_non_exhaustive()
    }
}

/// Whether `url` names a broker in a way that means what it seems to; the error says what to write instead
/// and holds no part of user or password.
pub fn check_url(url: &str) -> Result<(), String> {
    read(url).map(drop)
}

/// In seconds; the broker's own default of 60 is a long time for a frozen worker to keep its messages.
const DEFAULT_HEARTBEAT: u16 = 10;
const LONGEST_HEARTBEAT: u16 = 60;

/// In bytes; the broker's own default. lapin has room for 64 frames a connection, so without a size of ours a broker
/// that sets none would be asked to fill all memory.
const DEFAULT_FRAME_MAX: u32 = 128 * 1024;
/// Below 8 KiB brokers of 4.x do not agree.
const FRAME_MAX: RangeInclusive<u32> = 8 * 1024..=1024 * 1024;

/// What lapin reads in a query. It ignores all else in silence.
const KEYS: [&str; 5] = ["heartbeat", "connection_timeout", "frame_max", "channel_max", "auth_mechanism"];

fn read(text: &str) -> Result<AMQPUri, String> {
    let url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(url.scheme(), "amqp" | "amqps") {
        return Err(format!("the scheme is {:?}, not amqp or amqps", url.scheme()));
    }
    let host = match url.host() {
        None | Some(Host::Domain("")) => return Err("it names no host".to_owned()),
        Some(Host::Domain(domain)) => domain.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
    };
    // Of a password with one of these in it, the rest ends up behind the host, where it would be shown.
    if url.path().contains('@') || url.query().is_some_and(|query| query.contains('@')) {
        return Err(
            "there is an @ behind the host: in user, password and virtual host write %40 for an @, %2f for \
                    a /, %3f for a ? and %23 for a #"
                .to_owned(),
        );
    }
    match url.path() {
        "/" => {
            return Err(
                "the virtual host is empty: write /%2f for the one called \"/\", or no slash".to_owned()
            );
        }
        path if path.chars().skip(1).any(|char| char == '/') => {
            return Err("the virtual host has a slash in it: write %2f for it (and %40 for an @, %2f for a / in a password)"
                .to_owned());
        }
        _ => (),
    }
    if url.fragment().is_some() {
        return Err("there is a # in it: write %23 when it is part of a name or password".to_owned());
    }
    for (key, _) in url.query_pairs() {
        if !KEYS.contains(&&*key) {
            return Err(format!("nobody knows its parameter {key:?}; there are {}", KEYS.join(", ")));
        }
    }
    // Its errors may repeat the URL, so they are not passed on.
    let mut uri: AMQPUri =
        text.parse().map_err(|_| "a parameter, the user or the password cannot be read".to_owned())?;
    uri.authority.host = host;
    for (what, text) in [("user", &uri.authority.userinfo.username), ("virtual host", &uri.vhost)] {
        if text.len() > 255 {
            return Err(format!("the {what} is longer than 255 bytes"));
        }
    }
    let heartbeat = uri.query.heartbeat.get_or_insert(DEFAULT_HEARTBEAT);
    if !(1..=LONGEST_HEARTBEAT).contains(heartbeat) {
        return Err(format!("the heartbeat is {heartbeat}; 1 to {LONGEST_HEARTBEAT} seconds make sense"));
    }
    let frame_max = uri.query.frame_max.get_or_insert(DEFAULT_FRAME_MAX);
    if !FRAME_MAX.contains(frame_max) {
        let (least, most) = FRAME_MAX.into_inner();
        return Err(format!("frame_max is {frame_max}; {least} to {most} bytes make sense"));
    }
    Ok(uri)
}

impl Options {
    /// The most bytes that a frame may have; brokers may agree to less.
    pub(crate) fn frame_max(&self) -> u32 {
        self.uri.query.frame_max.unwrap_or(DEFAULT_FRAME_MAX)
    }

    /// Whether the connection is encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.uri.scheme == AMQPScheme::AMQPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_means() {
        let check = |url: &str, host: &str, port: u16, vhost: &str| {
            let uri = read(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!((&*uri.authority.host, uri.authority.port, &*uri.vhost), (host, port, vhost), "{url}");
        };
        check("amqp://broker", "broker", 5672, "/");
        check("amqp://u:p@broker:5673/%2f", "broker", 5673, "/");
        check("amqps://u:p%40ss@broker/prices", "broker", 5671, "prices");
        check("amqp://[::1]:5672/prices", "::1", 5672, "prices");
        check("amqp://127.0.0.1/a%2fb", "127.0.0.1", 5672, "a/b");
        assert_eq!(read("amqp://b").unwrap().query.heartbeat, Some(DEFAULT_HEARTBEAT));
        assert_eq!(read("amqp://b?heartbeat=3").unwrap().query.heartbeat, Some(3));
        // A broker may agree to frames of any size, for which lapin would make room.
        assert_eq!(read("amqp://b").unwrap().query.frame_max, Some(DEFAULT_FRAME_MAX));
        assert_eq!(read("amqp://b?frame_max=8192").unwrap().query.frame_max, Some(8192));
    }

    #[test]
    fn a_url_that_would_be_misread_is_refused_without_its_secrets() {
        let check = |url: &str, reason: &str| {
            let error = check_url(url).expect_err(url);
            assert!(error.contains(reason), "{url}: {error}");
            assert!(!error.contains("s3cret") && !error.contains("someone"), "{url}: {error}");
        };
        check("broker:5672", "scheme");
        check("http://someone:s3cret@broker/", "scheme");
        check("amqp://someone:s3cret@broker/", "/%2f");
        check("amqp://someone:s3cret@broker/a/b", "slash");
        check("amqp:///%2f", "host");
        check("amqp://someone:s3cret@:99999/x", "not a URL");
        check("amqp://someone:s3cret@broker/%2f?hartbeat=5", "hartbeat");
        check("amqp://someone:s3cret@broker/%2f?heartbeat=0", "heartbeat");
        check("amqp://someone:s3cret@broker/%2f?heartbeat=often", "parameter");
        check("amqp://someone:s3cret@broker/%2f?frame_max=0", "frame_max");
        check("amqp://someone:s3cret@broker/%2f?frame_max=4294967295", "frame_max");
        check("amqp://someone:s3cret@broker/%2f#s3cret", "%23");
        check("amqp://someone:s3cret@broker/%ff", "cannot be read");
        check("amqp://someone:12/s3cret@broker", "%2f");
        check("amqp://someone:/s3cret@broker/%2f", "%2f");
        check("amqp://someone:12?s3cret@broker/%2f", "%3f");
        check("amqp://someone:12#s3cret@broker/%2f", "%23");
    }

    #[test]
    fn options_never_show_the_password() {
        let options = Options::from_url("amqp://someone:s3cret@broker/%2f").unwrap();
        assert!(!format!("{options:?} {}", options.place()).contains("s3cret"));
        let options = Options::from_url("amqp://someone:s3cret@[::1]:5673/%2f").unwrap();
        assert_eq!(options.place(), "amqp://[::1]:5673 (virtual host \"/\")");
    }
}
