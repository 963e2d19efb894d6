//! How to reach the broker, and what to declare on it.

mod url;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use lapin::uri::{AMQPScheme, AMQPUri};

use self::url::DEFAULT_FRAME_MAX;
pub use self::url::check_url;

/// How RabbitMQ is used. All processes of one pipeline need the same values for what is declared: the
/// prefix, the limits, the delays of retries, the retention.
#[derive(Clone)]
pub struct Options {
    pub(crate) uri: AMQPUri,
    /// What the names of all queues and exchanges begin with.
    pub prefix: String,
    /// The name of this process in the broker's list of connections.
    pub connection_name: String,
    /// A file with certificates (PEM) to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// How often a message may be delivered to processes that die with it, at least 1.
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
    /// Whether each connection declares what is missing.
    pub declares: bool,
    /// The longest time to connect and log in.
    pub connect_timeout: Duration,
    /// The longest time for one message to be confirmed.
    pub publish_timeout: Duration,
    /// The longest time for any other answer.
    pub call_timeout: Duration,
    /// How long the archive is not tried after it did not take a page.
    pub(crate) archive_pause: Duration,
    /// How often a leader writes its note anew: far more often than a broker's limit on holding a message.
    pub(crate) lead_renewal: Duration,
}

impl Options {
    /// The defaults, for the broker at `url`: `amqp://user:password@host:5672/vhost` or `amqps://…`. The
    /// error says what is wrong with the URL, without any of its secrets.
    pub fn from_url(url: &str) -> Result<Self, String> {
        Ok(Self {
            uri: url::read(url)?,
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
            archive_pause: Duration::from_secs(30),
            lead_renewal: Duration::from_secs(20),
        })
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
    fn options_never_show_the_password() {
        let options = Options::from_url("amqp://someone:s3cret@broker/%2f").unwrap();
        assert!(!format!("{options:?} {}", options.place()).contains("s3cret"));
        let options = Options::from_url("amqp://someone:s3cret@[::1]:5673/%2f").unwrap();
        assert_eq!(options.place(), "amqp://[::1]:5673 (virtual host \"/\")");
    }
}
