//! `coinpipe check`: one line for each thing that the pipeline needs.

use std::sync::Arc;

use anyhow::{anyhow, bail};
use chrono::{DateTime, Utc};
use config::{Config, Fetch, OverBudget, SecretUrl};
use fetcher::{Advice, ChosenSource, KeyStatus, Spending};
use ports::QueueName;
use service::{Process, Queues, Stores};

use super::run;
use crate::adapters::Found;
use crate::{data_kind, numbers, output};

/// What a check found.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Fine(String),
    /// It works, and somebody should know.
    Warning(String),
    Failed(String),
}

impl From<anyhow::Result<String>> for Verdict {
    fn from(result: anyhow::Result<String>) -> Self {
        match result {
            Ok(text) => Self::Fine(text),
            Err(error) => Self::Failed(format!("{error:#}")),
        }
    }
}

fn copy(error: &anyhow::Error) -> anyhow::Error {
    anyhow!("{error:#}")
}

pub(crate) async fn run(process: &Process) -> anyhow::Result<()> {
    // A mistake that ends `run` with code 2 ends `check` with code 2, too.
    alerter::check_settings(process)?;
    let source = fetcher::choose_source(&process.config().fetch, Arc::clone(&process.clock)).await?;
    fetcher::check_settings(process, &source)?;
    let mut failed = 0;
    let mut verdict = |name: &str, verdict: Verdict| {
        let (word, text) = match verdict {
            Verdict::Fine(text) => ("ok", text),
            Verdict::Warning(text) => ("warning", text),
            Verdict::Failed(text) => {
                failed += 1;
                ("failed", text)
            }
        };
        // One name is longer than its column.
        output::print(format!("{word:<8}{name:<7} {text}"))
    };
    let mut line = |name: &str, result: anyhow::Result<String>| verdict(name, result.into());
    // The configuration was checked when it was loaded: a mistake would have ended the program with code 2.
    line("config", Ok(format!("{} settings", process.loaded.settings().len())))?;
    let queues = process.open_queues_read_only().await;
    let queue = queue(process, queues.as_ref()).await;
    let stores = process.open_stores_read_only().await;
    let store = store(process, stores.as_ref()).await;
    let found = match (queues, stores) {
        (Ok(queues), Ok(stores)) if queue.is_ok() && store.is_ok() => Some(Found { queues, stores }),
        _ => None,
    };
    line("queue", queue)?;
    line("store", store)?;
    for (name, result) in alerter::check(process).await? {
        line(name, result)?;
    }
    let answer = api(process, &source, found.as_ref()).await;
    let status = answer.as_ref().map(|(status, _)| status);
    line("api", status.map(|status| api_text(&source, status)).map_err(copy))?;
    if let Ok((_, Some(moves))) = &answer {
        line("data", Ok(moves.clone()))?;
    }
    let Config { fetch: settings, market, .. } = process.config();
    if let Some(asked) = fetcher::asked_by_id(settings) {
        verdict("fetch", Verdict::Fine(asked))?;
    }
    if let Ok(status) = status {
        let credits = match &source.simulator {
            // What it has is made up, and it takes nothing from anybody.
            Some(_) => Some(Verdict::Fine(fetcher::free_plan(&Spending::of(settings, market)))),
            None => credits(process.config(), status, process.clock.now()),
        };
        credits.map_or(Ok(()), |credits| verdict("credits", credits))?;
    }
    if let Some(doubt) = doubtful_currencies(settings, found.as_ref()).await {
        verdict("convert", Verdict::Warning(doubt))?;
    }
    if failed > 0 {
        bail!("{failed} of the checks failed");
    }
    Ok(())
}

async fn queue(process: &Process, queues: Result<&Option<Queues>, &anyhow::Error>) -> anyhow::Result<String> {
    let queues = queues.map_err(|error| anyhow!("{error:#}"))?;
    let url = &process.config().queue.url;
    service::check_writable(url)?;
    let Some(queues) = queues else { return Ok(to_be_made(url)) };
    service::check_arguments(process.config(), Arc::clone(&process.clock)).await?;
    let mut waiting = 0;
    for queue in QueueName::ALL {
        waiting += queues.queue.depth(queue).await?.total();
    }
    let waiting = numbers::counted(waiting, "message");
    Ok(format!("{}, {waiting}", service::place(url)))
}

async fn store(process: &Process, stores: Result<&Option<Stores>, &anyhow::Error>) -> anyhow::Result<String> {
    let stores = stores.map_err(|error| anyhow!("{error:#}"))?;
    let url = &process.config().store.url;
    service::check_writable(url)?;
    match stores {
        // A file was opened for reading; a server says itself when it takes nothing.
        Some(stores) if service::file_of(url).is_none() => stores.store.ready().await?,
        Some(_) => {}
        None => return Ok(to_be_made(url)),
    }
    Ok(service::place(url))
}

fn to_be_made(url: &SecretUrl) -> String {
    format!("{}: not there yet, will be made", service::place(url))
}

/// Whether the API answers, and whether its quotes are of the kind that the store holds, if the store can be read; and what would be
/// moved out of their way.
async fn api(
    process: &Process,
    source: &ChosenSource,
    found: Option<&Found>,
) -> anyhow::Result<(KeyStatus, Option<String>)> {
    let status = fetcher::check(process, source).await?;
    let moves = match found {
        Some(found) => data_kind::check(process, source, found).await?,
        None => None,
    };
    Ok((status, moves))
}

/// Who answers, and what the key may still do.
fn api_text(source: &ChosenSource, status: &KeyStatus) -> String {
    let described = run::describe(source);
    match (&source.simulator, status.simulated) {
        (Some(_), _) => described,
        (None, true) => format!("{described}; SIMULATED: {}", limits(status)),
        (None, false) => format!("{described}; {}", limits(status)),
    }
}

/// Currencies of which nobody knows whether the API has them: to ask it for a price would cost a credit.
async fn doubtful_currencies(settings: &Fetch, found: Option<&Found>) -> Option<String> {
    let mut doubtful = Vec::new();
    for currency in settings.convert.iter().filter(|currency| !fetcher::is_known_currency(currency)) {
        let is_quoted = match found.and_then(|found| found.stores.as_ref()) {
            Some(stores) => stores.quotes.listed(currency).await.is_ok_and(|coins| !coins.is_empty()),
            None => false,
        };
        if !is_quoted {
            doubtful.push(currency.as_str());
        }
    }
    (!doubtful.is_empty()).then(|| {
        format!(
            "{} in fetch.convert is none of the API's documented currencies, and no snapshot in it is here; if it is no coin's \
             symbol either, the API refuses every request: `coinpipe --once` tells",
            doubtful.join(", ")
        )
    })
}

/// Whether the plan pays for the schedule; nothing where no limit is known.
fn credits(config: &Config, status: &KeyStatus, now: DateTime<Utc>) -> Option<Verdict> {
    let Config { fetch, market, .. } = config;
    let Advice { plan, is_over, short } = Advice::new(&Spending::of(fetch, market), status, now);
    let plan = plan?;
    Some(match (fetch.over_budget, short, is_over) {
        (OverBudget::Allow, ..) | (_, None, false) => Verdict::Fine(plan),
        (_, Some((short, _)), _) => Verdict::Failed(format!("{short}; {plan}")),
        (OverBudget::Refuse, None, true) => {
            Verdict::Failed(format!("fetch.over_budget refuses this: {plan}"))
        }
        (OverBudget::Warn, None, true) => Verdict::Warning(plan),
    })
}

/// What the key may still do, in words.
fn limits(status: &KeyStatus) -> String {
    let mut parts = Vec::new();
    if let Some(left) = status.monthly_left {
        let of =
            status.monthly_limit.map(|limit| format!(" of {}", numbers::count(limit))).unwrap_or_default();
        let reset =
            status.resets_at.map(|at| format!(" until {}", at.format("%Y-%m-%d"))).unwrap_or_default();
        parts.push(format!("{}{of} credits left{reset}", numbers::count(left)));
    }
    if let (Some(left), Some(limit)) = (status.daily_left, status.daily_limit) {
        parts.push(format!("{} of {} left today", numbers::count(left), numbers::count(limit)));
    }
    if let Some(limit) = status.minute_limit {
        parts.push(format!("{} a minute", numbers::counted(limit, "request")));
    }
    if parts.is_empty() {
        parts.push("it answers".to_owned());
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_that_do_not_suffice_are_a_warning_or_a_failure_as_the_setting_says() {
        let now = domain::timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        let check = |over_budget, limit, left: u64| {
            let mut settings = Config::defaults();
            (settings.fetch.over_budget, settings.fetch.limit) = (over_budget, limit);
            let status =
                KeyStatus { monthly_limit: Some(15_000), monthly_left: Some(left), ..KeyStatus::default() };
            match credits(&settings, &status, now).unwrap() {
                Verdict::Fine(_) => "ok",
                Verdict::Warning(_) => "warning",
                Verdict::Failed(_) => "failed",
            }
        };
        for (over_budget, fits, over, short) in [
            (OverBudget::Warn, "ok", "warning", "failed"),
            (OverBudget::Refuse, "ok", "failed", "failed"),
            (OverBudget::Allow, "ok", "ok", "ok"),
        ] {
            assert_eq!(check(over_budget, 4000, 15_000), fits, "{over_budget:?}");
            assert_eq!(check(over_budget, 5000, 15_000), over, "{over_budget:?}");
            assert_eq!(check(over_budget, 4000, 19), short, "{over_budget:?}");
        }
        assert_eq!(credits(&Config::defaults(), &KeyStatus::default(), now), None);
    }

    #[test]
    fn what_the_key_may_do_is_told_as_far_as_it_is_known() {
        let status = KeyStatus {
            minute_limit: Some(30),
            monthly_limit: Some(2_000_000),
            monthly_left: Some(9500),
            daily_limit: Some(333),
            daily_left: Some(23),
            resets_at: domain::timestamp::from_text("2026-12-01T00:00:00.000Z"),
            simulated: false,
        };
        let told =
            "9,500 of 2,000,000 credits left until 2026-12-01, 23 of 333 left today, 30 requests a minute";
        assert_eq!(limits(&status), told);
        assert_eq!(limits(&KeyStatus::default()), "it answers");
        // Whatever an API claims is written.
        let most = KeyStatus {
            monthly_left: Some(u64::MAX),
            resets_at: Some(DateTime::<Utc>::MAX_UTC),
            ..KeyStatus::default()
        };
        assert!(limits(&most).starts_with("18,446,744,073,709,551,615 credits left until +262142-12-31"));
    }
}
