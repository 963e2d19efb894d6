//! What a value must satisfy beyond its type.

use std::time::Duration;

use crate::pasted::check_without_route;
use crate::secret::Secret;
use crate::sections::Config;
use crate::stale_after::StaleAfter;

const DAY: Duration = Duration::from_hours(24);
const MONTH: Duration = Duration::from_hours(30 * 24);
const YEAR: Duration = Duration::from_hours(365 * 24);

/// Checks `section.key` in `config`; the other values are defaults. The error completes
/// "`section.key` in the file: …".
pub(crate) fn check(config: &Config, section: &str, key: &str) -> Result<(), String> {
    let require = |holds: bool, rule: &str| if holds { Ok(()) } else { Err(rule.to_owned()) };
    let at_least = |duration: Duration, least: Duration| {
        require(duration >= least, &format!("must be at least {}", humantime::format_duration(least)))
    };
    // What is a slip of the pen would keep everything back that somebody should know, and say nothing.
    let within = |duration: Duration, (least, most): (Duration, Duration)| {
        at_least(duration, least)?;
        require(duration <= most, &format!("must be at most {}", humantime::format_duration(most)))
    };
    let millis = Duration::from_millis;
    match (section, key) {
        ("queue", "url") => scheme(&config.queue.url.scheme(), &["sqlite", "amqp", "amqps"]),
        ("queue", "lease") => at_least(config.queue.lease, millis(1000)),
        ("queue", "delivery_limit") => require(config.queue.delivery_limit >= 1, "must be at least 1"),
        ("queue", "prefix") => prefix(&config.queue.prefix),
        ("queue", "max_size") => require(config.queue.max_size >= 1 << 20, "must be at least 1MiB"),
        ("store", "url") => scheme(&config.store.url.scheme(), &["sqlite", "mysql"]),
        ("store", "connections") => require(config.store.connections >= 1, "must be at least 1"),
        ("store", "timeout") => at_least(config.store.timeout, millis(1000)),
        ("import", "url") => match config.import.url.scheme().as_str() {
            "" if config.import.url.is_empty() => Ok(()),
            found => scheme(found, &["mysql"]),
        },
        ("archive", "keep") => at_least(config.archive.keep, millis(1000)),
        ("fetch", "base_url") => {
            let instead = "the key goes into fetch.api_key";
            base_url(&config.fetch.base_url, instead, &["/v1", "/v2", "/v3"], "cryptocurrency")
        }
        ("fetch", "every") => {
            at_least(config.fetch.every, Duration::from_mins(1))?;
            require(config.fetch.every.subsec_nanos() == 0, "must be whole seconds")
        }
        ("fetch", "limit") => require(config.fetch.limit >= 1, "must be at least 1"),
        ("fetch", "page_size") => require((1..=5000).contains(&config.fetch.page_size), "must be 1 to 5000"),
        ("fetch", "ids") => require(config.fetch.ids.len() <= 10_000, "must be at most 10000 ids"),
        ("fetch", "convert") => currencies(&config.fetch.convert),
        ("fetch", "timeout") => at_least(config.fetch.timeout, millis(100)),
        ("fetch", "connect_timeout") => at_least(config.fetch.connect_timeout, millis(100)),
        ("fetch", "spool") => require(!config.fetch.spool.as_os_str().is_empty(), "must name a directory"),
        ("market", "map") => config.market.map.check(Duration::from_mins(1)),
        ("market", "global_metrics") => config.market.global_metrics.check(Duration::from_mins(5)),
        ("market", "fear_and_greed") => config.market.fear_and_greed.check(Duration::from_mins(15)),
        ("market", "cmc100") => config.market.cmc100.check(Duration::from_mins(5)),
        ("judge", "tries") => require((1..=10).contains(&config.judge.tries), "must be 1 to 10"),
        ("judge", "jump") => require(config.judge.jump >= 2, "must be at least 2"),
        ("transform", "concurrency") => require(config.transform.concurrency >= 1, "must be at least 1"),
        ("transform", "deadline") => at_least(config.transform.deadline, millis(100)),
        ("transform", "chunk_coins") => {
            require((1..=5000).contains(&config.transform.chunk_coins), "must be 1 to 5000")
        }
        ("load", "concurrency") => require(config.load.concurrency >= 1, "must be at least 1"),
        ("load", "deadline") => at_least(config.load.deadline, millis(100)),
        ("retry", "delays") => require(!config.retry.delays.is_empty(), "must name at least one delay"),
        ("retry", "attempts") => require(config.retry.attempts >= 1, "must be at least 1"),
        ("mail", "url") => match config.mail.url.scheme().as_str() {
            "" if config.mail.url.is_empty() || config.mail.is_off() => Ok(()),
            found => scheme(found, &["smtp", "smtps", "file", "log"]),
        },
        ("alert", "incomplete_after") => within(config.alert.incomplete_after, (millis(1000), MONTH)),
        ("alert", "stale_after") => match config.alert.stale_after {
            StaleAfter::After(age) => within(age, (Duration::from_mins(1), YEAR)),
            StaleAfter::Auto | StaleAfter::Off => Ok(()),
        },
        ("alert", "stuck_after") => within(config.alert.stuck_after, (Duration::ZERO, MONTH)),
        ("alert", "resolve_after") => within(config.alert.resolve_after, (Duration::ZERO, YEAR)),
        ("alert", "webhook") => config.alert.webhook().map_or(Ok(()), web_address),
        ("alert", "heartbeat_url") => config.alert.heartbeat().map_or(Ok(()), web_address),
        ("alert", "webhook_secret") => {
            let length = config.alert.webhook_secret.expose().len();
            require(length == 0 || length >= 16, "must have at least 16 characters")
        }
        ("desk", "keep") if config.desk.keep.is_zero() => Ok(()),
        // What was mailed in the last week is still asked for.
        ("desk", "keep") => at_least(config.desk.keep, Duration::from_hours(8 * 24)),
        ("desk", "clean_after") => within(config.desk.clean_after, (Duration::from_secs(1), MONTH)),
        ("mail", "timeout") => within(config.mail.timeout, (millis(100), DAY)),
        ("mail", "group_wait") => within(config.mail.group_wait, (Duration::ZERO, DAY)),
        ("mail", "digest_every") => within(config.mail.digest_every, (millis(1000), DAY)),
        ("mail", "repeat_after") => within(config.mail.repeat_after, (Duration::ZERO, MONTH)),
        ("mail", "max_per_hour") => require(config.mail.max_per_hour >= 1, "must be at least 1"),
        ("mail", "max_per_day") => require(config.mail.max_per_day >= 1, "must be at least 1"),
        ("log", "level") => log_level(&config.log.level),
        ("telemetry", "otlp_url") => {
            let tokens = "tokens go into OTEL_EXPORTER_OTLP_HEADERS";
            base_url(&config.telemetry.otlp_url, tokens, &["/v1"], "traces")
        }
        ("fetch", "api_key") => {
            let printable = config.fetch.api_key.expose().chars().all(|c| c.is_ascii_graphic());
            require(printable, "must be one word of printable ASCII")
        }
        ("http", key) => config.http.check(key),
        _ => Ok(()),
    }
}

/// Says nothing of the text: its path may be the secret.
fn web_address(secret: &Secret) -> Result<(), String> {
    let url = url::Url::parse(secret.expose()).map_err(|error| format!("is not a URL: {error}"))?;
    if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
        return Err("must be http:// or https:// and a host".to_owned());
    }
    Ok(())
}

fn scheme(found: &str, known: &[&str]) -> Result<(), String> {
    if known.contains(&found) {
        return Ok(());
    }
    let known = known.iter().map(|scheme| format!("{scheme}:")).collect::<Vec<_>>().join(", ");
    Err(format!("must begin with one of {known}"))
}

/// Part of AMQP names, which may be 255 bytes long.
fn prefix(text: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=100).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(());
    }
    Err("must be 1 to 100 letters, digits, dots, hyphens or underscores".to_owned())
}

/// An HTTP address without secrets, which go elsewhere: `instead` says where; and without what is put behind it, which begins with one
/// of `versions` and `root`.
fn base_url(text: &str, instead: &str, versions: &[&str], root: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    let parsed = url::Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        return Err("must begin with https:// or http://".to_owned());
    }
    if parsed.password().is_some() || !parsed.username().is_empty() {
        return Err(format!("must not hold a user or password; {instead}"));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(format!("must not hold a query or a fragment; {instead}"));
    }
    check_without_route(&parsed, versions, root)
}

/// Levels by target, separated by commas; a part without a target must be a level, or a misspelt one would
/// name a target and silence all others.
fn log_level(levels: &str) -> Result<(), String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for part in levels.split(',').map(str::trim) {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
        if !LEVELS.contains(&level.to_ascii_lowercase().as_str()) {
            return Err(format!("{level:?} is not one of {}", LEVELS.join(", ")));
        }
    }
    Ok(())
}

fn currencies(convert: &[String]) -> Result<(), String> {
    if convert.is_empty() || convert.len() > 120 {
        return Err("must name 1 to 120 currencies".to_owned());
    }
    for (index, currency) in convert.iter().enumerate() {
        // Symbols such as BTC, USD, or 1INCH; the API takes ids in another parameter.
        let plain = currency.len() <= 20 && currency.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !plain {
            return Err(format!("{currency:?} is not a currency symbol"));
        }
        if convert[..index].contains(currency) {
            return Err(format!("names {currency} twice"));
        }
    }
    Ok(())
}
