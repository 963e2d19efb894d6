//! What the URL of a broker must look like.

use std::ops::RangeInclusive;

use lapin::uri::AMQPUri;
use url::{Host, Url};

/// Whether `url` names a broker in a way that means what it seems to; the error says what to write instead
/// and holds no part of user or password.
pub fn check_url(url: &str) -> Result<(), String> {
    read(url).map(drop)
}

/// In seconds. With the broker's own default of 60 a frozen worker would keep its messages for a long time.
const DEFAULT_HEARTBEAT: u16 = 10;
const LONGEST_HEARTBEAT: u16 = 60;

/// In bytes; the broker's own default. lapin allocates 64 frames a connection: a broker that sets no limit would make it
/// fill the memory.
pub(super) const DEFAULT_FRAME_MAX: u32 = 128 * 1024;
/// Below 8 KiB brokers of 4.x do not agree.
const FRAME_MAX: RangeInclusive<u32> = 8 * 1024..=1024 * 1024;

/// What lapin reads in a query. It silently ignores the rest.
const KEYS: [&str; 5] = ["heartbeat", "connection_timeout", "frame_max", "channel_max", "auth_mechanism"];

pub(super) fn read(text: &str) -> Result<AMQPUri, String> {
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
    // A password with one of these in it is split there: the rest ends up behind the host, where it would be shown.
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
}
