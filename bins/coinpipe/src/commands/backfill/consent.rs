//! Asking before credits are spent.

use std::io::IsTerminal as _;

use anyhow::bail;
use config::OverBudget;
use fetcher::ChosenSource;
use service::{Process, Usage};

use super::source_name;
use crate::{numbers, output};

/// Says what is to be filled and what the key has left, and asks, unless `yes` was said before. An error when the answer is no, or
/// nobody can be asked.
pub(super) async fn ask(
    process: &Process,
    source: &ChosenSource,
    what: &str,
    credits: u64,
    yes: bool,
) -> anyhow::Result<()> {
    output::say(format!("to fill   {what}, at {}", source_name(source)));
    // What the API does not tell now is no reason to stop: it refuses what is not paid for.
    let status = process.unless_stopped(async { Ok(fetcher::check(process, source).await.ok()) }).await?;
    if let Some(left) = status.and_then(|status| match (status.monthly_left, status.daily_left) {
        (Some(month), Some(day)) if status.daily_limit.is_some() => Some(month.min(day)),
        (month, _) => month,
    }) {
        output::say(format!("left      {}", numbers::counted(left, "credit")));
        if left < credits && process.config().fetch.over_budget != OverBudget::Allow {
            bail!(
                "the key has too few credits left for all of it; a shorter span, or fewer coins with --ids, costs less"
            );
        }
    }
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Usage(format!(
            "this costs {}; --yes says that it may",
            numbers::counted(credits, "credit")
        ))
        .into());
    }
    let asking = async {
        eprint!("Spend {} on it? [y/N] ", numbers::counted(credits, "credit"));
        let reading = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        });
        Ok(reading.await??)
    };
    if !is_yes(&process.unless_stopped(asking).await?) {
        bail!("nothing was fetched");
    }
    Ok(())
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for (answer, expected) in
            [("y\n", true), ("Yes", true), ("", false), ("\n", false), ("no", false), ("yo", false)]
        {
            assert_eq!(is_yes(answer), expected, "{answer:?}");
        }
    }
}
