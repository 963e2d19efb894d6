//! Asking before credits are spent.

use std::io::IsTerminal as _;

use anyhow::bail;
use config::OverBudget;
use fetcher::{ChosenSource, Price};
use service::{Process, Usage};

use super::source_name;
use crate::{numbers, output};

/// Says what is to be filled and what the key has left, and asks, unless `yes` was said before. An error when the answer is no, or
/// nobody can be asked. Returns how many calls a minute the key has, as far as the API tells.
pub(super) async fn ask(
    process: &Process,
    source: &ChosenSource,
    what: &str,
    price: Price,
    yes: bool,
) -> anyhow::Result<Option<u64>> {
    output::say(format!("to fill   {what}, at {}", source_name(source)));
    // What the API does not tell now is no reason to stop: it refuses what is not paid for.
    let status = process.unless_stopped(async { Ok(fetcher::check(process, source).await.ok()) }).await?;
    let minute_limit = status.as_ref().and_then(|status| status.minute_limit);
    if let Some(left) = status.and_then(|status| match (status.monthly_left, status.daily_left) {
        (Some(month), Some(day)) if status.daily_limit.is_some() => Some(month.min(day)),
        (month, _) => month,
    }) {
        output::say(format!("left      {}", numbers::counted(left, "credit")));
        if left < price.most && process.config().fetch.over_budget != OverBudget::Allow {
            let together = if left < price.least {
                ""
            } else {
                "; so does fetch.convert_calls = \"one\", where the plan answers in several currencies a call"
            };
            bail!(
                "the key has too few credits left for all of it; a shorter span, or fewer coins with --ids, costs less{together}"
            );
        }
    }
    if yes {
        return Ok(minute_limit);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Usage(format!("this costs {}; --yes says that it may", credits(price))).into());
    }
    output::say(format!("Spend {} on it? [y/N]", credits(price)));
    let asking = async { Ok(line_of_stdin().await?) };
    if !is_yes(&process.unless_stopped(asking).await?) {
        bail!("nothing was fetched");
    }
    Ok(minute_limit)
}

/// "60 credits", or what it may be.
pub(super) fn credits(Price { least, most }: Price) -> String {
    let credits = numbers::counted(least, "credit");
    if least == most {
        credits
    } else {
        format!("{credits}, or {} if the plan answers in one currency a call", numbers::count(most))
    }
}

/// What is typed. On a thread of its own: one of the runtime's would keep the process from ending while nobody types.
async fn line_of_stdin() -> std::io::Result<String> {
    let (sender, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line).map(|_| line);
        // Nobody waits for it any more.
        let _ = sender.send(read);
    });
    answer.await.unwrap_or_else(|_| Ok(String::new()))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_costs_at_most_is_said() {
        assert_eq!(credits(Price { least: 1, most: 1 }), "1 credit");
        let told = "60 credits, or 118 if the plan answers in one currency a call";
        assert_eq!(credits(Price { least: 60, most: 118 }), told);
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        for (answer, expected) in
            [("y\n", true), ("Yes", true), ("", false), ("\n", false), ("no", false), ("yo", false)]
        {
            assert_eq!(is_yes(answer), expected, "{answer:?}");
        }
    }
}
