//! Whether a source makes its data up, for those who have to know before anything is fetched.

use std::time::Duration;

use service::Process;

use crate::collect::{Circumstances, FetchError, Outcome};
use crate::scheduled;
use crate::source::ChosenSource;

/// Why it cannot be told now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// What happened, and what someone can do about it.
    pub reason: String,
    /// Whether somebody has to act.
    pub lasts: bool,
    /// How long the API is to be left alone, where it, or what it said, tells.
    pub pause: Option<Duration>,
}

/// Whether the source's data is made up, as it says itself; costs no credits. A source that does not answer, or refuses the key, tells
/// nothing, wherever it is: what is certain of CoinMarketCap's own address is of no use until it takes the key. `failures`: how often
/// it was asked in vain before.
pub async fn ask_whether_simulated(
    process: &Process,
    source: &ChosenSource,
    failures: u32,
) -> Result<bool, Unanswered> {
    let client = scheduled::client(&process.config().fetch, source, &process.clock);
    let client =
        client.map_err(|error| Unanswered { reason: format!("{error:#}"), lasts: true, pause: None })?;
    if client.is_known_to_be_simulated() == Some(true) {
        return Ok(true);
    }
    match client.key_status().await {
        Ok(status) => Ok(status.simulated),
        Err(error) => {
            let at = Circumstances {
                now: process.clock.now(),
                failures: failures.saturating_add(1),
                jitter: fastrand::f64(),
                currencies: 1,
                keyless: source.keyless,
                monthly_reset: None,
            };
            Err(unanswered(&error, &at))
        }
    }
}

fn unanswered(error: &FetchError, at: &Circumstances) -> Unanswered {
    let remedy = error.remedy(at.keyless).map(|remedy| format!(" ({remedy})")).unwrap_or_default();
    let reason = format!("{}{remedy}", telemetry::error_chain(error));
    let (lasts, pause) = match error.outcome(at) {
        Outcome::Stop { .. } => (true, None),
        // Nobody was reached, so nobody is bothered by being tried again soon.
        Outcome::RetryLater { .. } if matches!(error, FetchError::Transport { .. }) => (false, None),
        Outcome::RetryLater { after, .. } => (false, Some(after)),
        Outcome::WaitUntil { until, .. } => (false, Some((until - at.now).to_std().unwrap_or_default())),
    };
    Unanswered { reason, lasts, pause }
}
