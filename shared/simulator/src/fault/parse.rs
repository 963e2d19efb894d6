//! Faults as they are written on a command line: `status=500`, `missing=price:3`.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::catalogue::names;
use super::{Fault, PlannedFault};
use crate::errors::documented_codes;

/// A text that is not a fault.
#[derive(Debug, Error)]
pub enum ParseFaultError {
    /// No fault has this name.
    #[error("unknown fault {name:?}; there are: {}", names())]
    Unknown {
        /// The name as written.
        name: String,
    },
    /// The part after `=` or `:` is missing, not wanted, or of the wrong kind.
    #[error("fault {fault:?} is not complete: {wanted}")]
    Value {
        /// The fault as written.
        fault: String,
        /// What it should be like.
        wanted: String,
    },
}

impl FromStr for PlannedFault {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, ParseFaultError> {
        let (fault, next) = match text.rsplit_once(':') {
            None => (text, None),
            Some((fault, times)) => {
                let times: NonZeroU32 = times
                    .parse()
                    .map_err(|_| wrong(text, "after the colon comes a number of requests, from 1"))?;
                (fault, Some(times))
            }
        };
        Ok(Self { fault: fault.parse()?, next })
    }
}

impl FromStr for Fault {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, ParseFaultError> {
        let (name, value) = match text.split_once('=') {
            None => (text, None),
            Some((name, value)) => (name, Some(value)),
        };
        let written = Written { text, value };
        let fault = match name {
            "status" => {
                let http = written.http_status()?;
                Self::Status { http, code: u32::from(http) }
            }
            "error" => {
                let code = written.code()?;
                Self::error(code).ok_or_else(|| wrong(text, wanted_code()))?
            }
            "error-in-200" => Self::ErrorIn200 { code: written.code()? },
            "html" if value.is_none() => Self::Html { http: 200 },
            "html" => Self::Html { http: written.http_status()? },
            "firewall" if value.is_none() => Self::Firewall { http: 403 },
            "firewall" => Self::Firewall { http: written.http_status()? },
            "empty-body" => written.bare(Self::EmptyBody)?,
            "huge" => written.bare(Self::Huge)?,
            "retry-after" => Self::RetryAfter(written.duration()?),
            "slow" => Self::Slow(written.duration()?),
            "trickle" => Self::Trickle(written.duration()?),
            "truncate" => written.bare(Self::Truncate)?,
            "close" => written.bare(Self::Close)?,
            "empty-data" => written.bare(Self::EmptyData)?,
            "text-code" => written.bare(Self::TextCode)?,
            "extra" => written.bare(Self::Extra)?,
            "missing" => Self::Missing(written.field()?),
            "retyped" => Self::Retyped(written.field()?),
            "null-price" => written.bare(Self::NullPrice)?,
            "negative-price" => written.bare(Self::NegativePrice)?,
            "duplicate" => written.bare(Self::Duplicate)?,
            "frozen" => written.bare(Self::Frozen)?,
            "old" => Self::Old(written.duration()?),
            "ahead" => Self::Ahead(written.duration()?),
            "same-page" => written.bare(Self::SamePage)?,
            "short" => Self::Short(written.coins()?),
            "without-top" => Self::WithoutTop(written.coins()?),
            "times" => Self::Times(written.factor()?),
            "null" => Self::Null(written.field()?),
            "renamed" => Self::Renamed(written.id()?),
            "vanished" => Self::Vanished(written.id()?),
            "past-empty" => written.bare(Self::PastEmpty)?,
            "past-hours" => Self::PastHours(written.coins()?),
            "past-short" => Self::PastShort(written.coins()?),
            "past-credits" => Self::PastCredits(written.coins()?),
            _ => return Err(ParseFaultError::Unknown { name: name.to_owned() }),
        };
        Ok(fault)
    }
}

/// A fault as written, and the part after `=`.
struct Written<'a> {
    text: &'a str,
    value: Option<&'a str>,
}

impl Written<'_> {
    fn bare(&self, fault: Fault) -> Result<Fault, ParseFaultError> {
        if self.value.is_some() { Err(wrong(self.text, "it takes no value")) } else { Ok(fault) }
    }

    fn http_status(&self) -> Result<u16, ParseFaultError> {
        let status = self
            .value
            .and_then(|value| value.parse().ok())
            .filter(|status| *status == 200 || (400..600).contains(status));
        status.ok_or_else(|| wrong(self.text, "after = comes an HTTP status: 200, or 400 to 599"))
    }

    fn code(&self) -> Result<u32, ParseFaultError> {
        let code = self.value.and_then(|value| value.parse().ok());
        code.filter(|code| documented_codes().any(|known| known == *code))
            .ok_or_else(|| wrong(self.text, wanted_code()))
    }

    fn duration(&self) -> Result<Duration, ParseFaultError> {
        let duration = self.value.and_then(|value| humantime::parse_duration(value).ok());
        duration.ok_or_else(|| wrong(self.text, "after = comes a duration such as 500ms or 2s"))
    }

    fn field(&self) -> Result<String, ParseFaultError> {
        let field = self.value.filter(|value| !value.is_empty()).map(str::to_owned);
        field.ok_or_else(|| wrong(self.text, "after = comes the name of a field, such as price"))
    }

    fn coins(&self) -> Result<u32, ParseFaultError> {
        let coins = self.value.and_then(|value| value.parse().ok());
        coins.ok_or_else(|| wrong(self.text, "after = comes a number, such as of coins"))
    }

    fn factor(&self) -> Result<String, ParseFaultError> {
        let is_factor =
            |value: &&str| value.parse().is_ok_and(|factor: f64| factor > 0.0 && factor.is_finite());
        let factor = self.value.filter(is_factor).map(str::to_owned);
        factor.ok_or_else(|| wrong(self.text, "after = comes a number above 0, such as 1e6"))
    }

    /// The id of a coin; Bitcoin's if there is none.
    fn id(&self) -> Result<u32, ParseFaultError> {
        self.value
            .map_or(Ok(1), |value| value.parse().map_err(|_| wrong(self.text, "after = comes a coin's id")))
    }
}

/// What `error` and `error-in-200` take.
fn wanted_code() -> String {
    let codes: Vec<String> = documented_codes().map(|code| code.to_string()).collect();
    format!("after = comes one of {}", codes.join(", "))
}

fn wrong(fault: &str, wanted: impl Display) -> ParseFaultError {
    ParseFaultError::Value { fault: fault.to_owned(), wanted: wanted.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FAULTS;

    #[test]
    fn every_fault_reads_from_its_written_form() {
        check("status=500", Fault::Status { http: 500, code: 500 });
        check("error=1008", Fault::Status { http: 429, code: 1008 });
        check("error-in-200=1002", Fault::ErrorIn200 { code: 1002 });
        check("html", Fault::Html { http: 200 });
        check("html=503", Fault::Html { http: 503 });
        check("firewall", Fault::Firewall { http: 403 });
        check("firewall=429", Fault::Firewall { http: 429 });
        check("empty-body", Fault::EmptyBody);
        check("huge", Fault::Huge);
        check("retry-after=30s", Fault::RetryAfter(Duration::from_secs(30)));
        check("slow=500ms", Fault::Slow(Duration::from_millis(500)));
        check("trickle=2s", Fault::Trickle(Duration::from_secs(2)));
        check("truncate", Fault::Truncate);
        check("close", Fault::Close);
        check("empty-data", Fault::EmptyData);
        check("text-code", Fault::TextCode);
        check("extra", Fault::Extra);
        check("missing=price", Fault::Missing("price".to_owned()));
        check("retyped=market_cap", Fault::Retyped("market_cap".to_owned()));
        check("null-price", Fault::NullPrice);
        check("negative-price", Fault::NegativePrice);
        check("duplicate", Fault::Duplicate);
        check("frozen", Fault::Frozen);
        check("old=30d", Fault::Old(Duration::from_hours(720)));
        check("ahead=2h", Fault::Ahead(Duration::from_hours(2)));
        check("same-page", Fault::SamePage);
        check("short=7", Fault::Short(7));
        check("without-top=100", Fault::WithoutTop(100));
        check("times=1.65e7", Fault::Times("1.65e7".to_owned()));
        check("null=price", Fault::Null("price".to_owned()));
        check("renamed", Fault::Renamed(1));
        check("renamed=1027", Fault::Renamed(1027));
        check("vanished=52", Fault::Vanished(52));
        check("past-empty", Fault::PastEmpty);
        check("past-hours=1", Fault::PastHours(1));
        check("past-short=10", Fault::PastShort(10));
        check("past-credits=200", Fault::PastCredits(200));
    }

    fn check(text: &str, fault: Fault) {
        assert_eq!(text.parse::<Fault>().unwrap(), fault, "{text}");
        let planned: PlannedFault = format!("{text}:3").parse().unwrap();
        assert_eq!(planned, fault.next(NonZeroU32::new(3).unwrap()), "{text}:3");
        let name = text.split('=').next().unwrap();
        let is_it = |written: &str| written.split(['=', '[']).next() == Some(name);
        assert!(FAULTS.iter().any(|(written, _)| is_it(written)), "{name} is not listed");
    }

    #[test]
    fn a_bad_fault_is_told_what_is_right() {
        refuse("explode", "unknown fault \"explode\"; there are: status=HTTP, error=CODE");
        refuse("", "unknown fault \"\"");
        refuse("status", "400 to 599");
        refuse("status=304", "400 to 599");
        refuse("error=1", "one of 1001, 1002");
        refuse("slow=often", "500ms or 2s");
        refuse("missing", "name of a field");
        refuse("short=few", "a number, such as of coins");
        refuse("times=0", "a number above 0");
        refuse("truncate=1", "takes no value");
        refuse("renamed=BTC", "a coin's id");
        refuse("huge:0", "number of requests, from 1");
        refuse("huge:", "number of requests, from 1");
    }

    fn refuse(text: &str, reason: &str) {
        let error = text.parse::<PlannedFault>().expect_err(text).to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}
