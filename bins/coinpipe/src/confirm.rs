//! Asking whether to go on.

use std::io::IsTerminal;

use service::{Process, Usage};
use tokio::sync::oneshot;

use crate::output;

/// Whether the person at the terminal says yes to `question`. Without a terminal nobody can, and `--yes` has to.
pub(crate) async fn confirm(process: &Process, question: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Usage("nobody can be asked here; --yes does it without asking".to_owned()).into());
    }
    output::say(format!("{question} [y/N]"));
    let (answer, answered) = oneshot::channel();
    // A thread of its own: whoever is asked to stop does not wait for the end of the line.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        let _gone = answer.send(read.is_ok() && is_yes(&line));
    });
    process.unless_stopped(async { Ok(answered.await.unwrap_or(false)) }).await
}

fn is_yes(line: &str) -> bool {
    ["y", "yes"].contains(&line.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        assert!(is_yes("y\n") && is_yes(" YES\r\n"));
        assert!(!is_yes("\n") && !is_yes("no\n") && !is_yes("") && !is_yes("yesterday\n"));
    }
}
