//! What to do about each failure of the API. All decisions about waiting are made here.
//!
//! | what | outcome |
//! |---|---|
//! | minute limit (1008), limits by address (1011, 1022), 429 without a reason | wait until the server says, else the next UTC minute; later ones when that was in vain |
//! | daily limit (1009) | wait until the next UTC midnight |
//! | monthly limit (1010) | wait until the plan's month ends |
//! | key refused or missing (1001, 1002, 1005, 1007), plan not paid (1003, 1004), not in the plan (1006), request refused (4000–4999, other 4xx of the API), redirects, no TLS, another shape | stop: someone has to act |
//! | 403 or 406 that is not the API's own | a firewall or proxy: retry, waiting longer each time |
//! | 408, 5xx, web pages and other unusable bodies, no connection, no answer | retry, waiting longer each time |

use std::time::Duration;

use chrono::{DateTime, Datelike, DurationRound, Months, NaiveTime, TimeDelta, Utc};
use outage::Growth;

use super::client::{FetchError, Pause, TransportFault};

/// What follows from a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It may pass by itself: try again after a while.
    RetryLater {
        /// How long to wait.
        after: Duration,
        /// What happened.
        reason: String,
    },
    /// It will pass at a time that is known.
    WaitUntil {
        /// When to try again.
        until: DateTime<Utc>,
        /// What happened.
        reason: String,
    },
    /// Permanent: somebody has to act.
    Stop {
        /// What happened.
        reason: String,
        /// What someone can do about it.
        hint: &'static str,
    },
}

/// What the decision depends on besides the error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    /// The time.
    pub now: DateTime<Utc>,
    /// Failures in a row, counting this one; from 1.
    pub failures: u32,
    /// A random number from 0 to below 1, so that many fetchers do not come back in step.
    pub jitter: f64,
    /// How many currencies were asked for.
    pub currencies: usize,
    /// Whether no key was sent because none is needed.
    pub keyless: bool,
    /// When the plan's month ends, as far as known.
    pub monthly_reset: Option<DateTime<Utc>>,
}

/// Slower than for our own servers: requests to the API are counted and may cost credits.
const RETRIES: Growth =
    Growth { first: Duration::from_secs(5), factor: 2, longest: Duration::from_mins(5), least_part: 0.5 };
/// Minutes in a row of which the beginning is tried; somebody else at the same address may use them up.
const MINUTES_TRIED: u32 = 3;
/// The longest wait for a limit that starts over each minute.
const MOST_MINUTES: u32 = 5;
/// What a server may ask for when a short wait is expected.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);
const LONGEST_DAY: TimeDelta = TimeDelta::hours(25);
const LONGEST_MONTH: TimeDelta = TimeDelta::days(32);
/// Spread of the restarts after a limit, in milliseconds.
const SPREAD_MILLIS: f64 = 5000.0;

impl FetchError {
    /// Stable word for machines: `api_1008`, `http_500`, `html`, `timeout`, …
    pub(crate) fn code(&self) -> String {
        match self {
            Self::Api { code, .. } if *code > 999 => format!("api_{code}"),
            Self::Api { code, .. } => format!("http_{code}"),
            Self::Http { status, .. } | Self::Page { status, .. } => format!("http_{status}"),
            Self::Body { fault, .. } => fault.code().to_owned(),
            Self::TooLarge { .. } => "too_large".to_owned(),
            Self::Transport { fault, .. } => fault.code().to_owned(),
        }
    }

    /// Whether the plan's month is used up, so that its end is worth asking for.
    pub(crate) fn is_monthly_limit(&self) -> bool {
        matches!(self, Self::Api { code: 1010, .. })
    }

    /// What someone can do about it, when waiting does not help, or else where to look; the same that a snapshot says in the end.
    pub(crate) fn remedy(&self, keyless: bool) -> Option<&'static str> {
        // No circumstances make it pass.
        let at = Circumstances {
            now: DateTime::UNIX_EPOCH,
            failures: 1,
            jitter: 0.0,
            currencies: 1,
            keyless,
            monthly_reset: None,
        };
        match self.outcome(&at) {
            Outcome::Stop { hint, .. } => Some(hint),
            _ => self.pointer(),
        }
    }

    /// Where to look when waiting did not help for long.
    pub(crate) fn pointer(&self) -> Option<&'static str> {
        let status = match self {
            Self::Page { status: 403 | 406 | 429, .. } | Self::Http { status: 403 | 406, .. } => {
                return Some(
                    "a firewall or proxy in between refuses this machine: try another address, or ask who runs it",
                );
            }
            Self::Api { status, .. } | Self::Http { status, .. } | Self::Page { status, .. } => *status,
            Self::Body { .. } | Self::TooLarge { .. } | Self::Transport { .. } => return None,
        };
        (500..600).contains(&status).then_some("https://status.coinmarketcap.com tells of outages")
    }

    /// What to do about it.
    pub(crate) fn outcome(&self, at: &Circumstances) -> Outcome {
        match self {
            Self::Api { .. } if at.currencies > 1 && self.refuses_currencies() => {
                self.stop("the key's plan does not include several currencies in one call: set fetch.convert_calls = \"each\", name one in fetch.convert, or change the plan")
            }
            Self::Api { status, code, pause, .. } => match code {
                1001..=1011 | 1022 => self.platform(*code, *pause, at),
                // A parameter that is missing or makes no sense.
                4000..=4999 => self.http(400, *pause, at),
                // The code repeats an HTTP status when the platform has none of its own.
                400..=599 => self.http(u16::try_from(*code).unwrap_or(*status), *pause, at),
                _ => self.http(*status, *pause, at),
            },
            // The API says in an envelope of its own whom it refuses; these come from something before it.
            Self::Http { status: 403 | 406, pause, .. } | Self::Page { status: 403 | 406, pause, .. } => {
                self.retry(*pause, at)
            }
            Self::Http { status, pause, .. } | Self::Page { status, pause, .. } => {
                self.http(*status, *pause, at)
            }
            Self::Body { fault, .. } if fault.is_another_shape() => {
                // Each answer costs its credits, and the next one will look the same.
                self.stop(
                    "does fetch.base_url lead to the CoinMarketCap API? try the other fetch.api_version",
                )
            }
            Self::TooLarge { .. } => self.stop("set a smaller fetch.page_size"),
            Self::Transport { fault: TransportFault::Tls, .. } => {
                self.stop("check fetch.base_url, this machine's clock and its CA certificates")
            }
            Self::Body { .. } | Self::Transport { .. } => self.retry(None, at),
        }
    }

    fn platform(&self, code: u32, pause: Option<Pause>, at: &Circumstances) -> Outcome {
        match code {
            1001 | 1002 | 1005 if at.keyless => {
                self.stop("CoinMarketCap does not answer this without a key any more: set fetch.source = \"auto\", and a key")
            }
            1001 => self.stop("check fetch.api_key (or CMC_API_KEY); keys are at https://pro.coinmarketcap.com/account"),
            1002 | 1005 => self.stop("set fetch.api_key or CMC_API_KEY"),
            1003 => self.stop("activate the key's plan at https://pro.coinmarketcap.com/account/plan"),
            1004 => self.stop("renew the key's plan at https://pro.coinmarketcap.com/account/plan"),
            1006 => self.stop("the key's plan does not include this endpoint: set the other fetch.api_version, or change the plan"),
            1007 => self.stop("CoinMarketCap has disabled the key; ask their support"),
            1009 => self.wait(pause, LONGEST_DAY, next_midnight(at.now), at),
            1010 => {
                let known = at.monthly_reset.filter(|&reset| reset > at.now);
                self.wait(pause, LONGEST_MONTH, known.unwrap_or_else(|| next_month(at.now)), at)
            }
            _ => self.wait(pause, LONGEST_PAUSE, later_minute(at), at),
        }
    }

    fn http(&self, status: u16, pause: Option<Pause>, at: &Circumstances) -> Outcome {
        match status {
            429 => self.wait(pause, LONGEST_PAUSE, later_minute(at), at),
            300..=399 => self.stop("set fetch.base_url to the address that it redirects to"),
            400 => {
                self.stop("the API refuses the request: check fetch.convert, fetch.ids, fetch.limit and fetch.page_size")
            }
            401 | 407 => self.stop("check fetch.api_key (or CMC_API_KEY)"),
            402 => self.stop("the key's plan must be paid: https://pro.coinmarketcap.com/account/plan"),
            403 => self.stop("the key, its plan or this machine's address is not allowed to ask"),
            404 | 410 => self.stop("there is no such endpoint, or not any more: set the other fetch.api_version, or check fetch.base_url"),
            408 | 425 => self.retry(pause, at),
            405..=499 => self.stop("check fetch.base_url: this is not how the CoinMarketCap API answers"),
            _ => self.retry(pause, at),
        }
    }

    fn stop(&self, hint: &'static str) -> Outcome {
        Outcome::Stop { reason: self.to_string(), hint }
    }

    fn retry(&self, pause: Option<Pause>, at: &Circumstances) -> Outcome {
        let asked = pause.map(|pause| (pause.until - at.now).min(LONGEST_PAUSE));
        let asked = asked.and_then(|delta| delta.to_std().ok()).unwrap_or_default();
        Outcome::RetryLater {
            after: RETRIES.wait(at.failures, at.jitter).max(asked),
            reason: self.to_string(),
        }
    }

    /// Until the server's time if it gave one that lies ahead (`longest` at most), else until `usual`;
    /// a little later, by chance.
    fn wait(
        &self,
        pause: Option<Pause>,
        longest: TimeDelta,
        usual: DateTime<Utc>,
        at: &Circumstances,
    ) -> Outcome {
        let asked = pause.map(|pause| pause.until).filter(|&until| until > at.now);
        let until = asked.unwrap_or(usual).min(at.now + longest);
        #[expect(clippy::cast_possible_truncation, reason = "at most five thousand milliseconds")]
        let spread = TimeDelta::milliseconds((at.jitter.clamp(0.0, 1.0) * SPREAD_MILLIS) as i64);
        Outcome::WaitUntil { until: until + spread, reason: self.to_string() }
    }
}

/// The beginning of the next UTC minute, when limits of a minute start over; of a later one when that was in vain several
/// times in a row.
fn later_minute(at: &Circumstances) -> DateTime<Utc> {
    let in_vain = at.failures.saturating_sub(MINUTES_TRIED);
    let minutes = 2u32.saturating_pow(in_vain).min(MOST_MINUTES);
    at.now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at.now) + TimeDelta::minutes(minutes.into())
}

fn next_midnight(now: DateTime<Utc>) -> DateTime<Utc> {
    now.date_naive().and_time(NaiveTime::MIN).and_utc() + TimeDelta::days(1)
}

fn next_month(now: DateTime<Utc>) -> DateTime<Utc> {
    let first = now.date_naive().with_day(1).and_then(|day| day.checked_add_months(Months::new(1)));
    first.map_or_else(|| next_midnight(now), |day| day.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests;
