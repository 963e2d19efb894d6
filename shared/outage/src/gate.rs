//! What a process knows about a server or a file that may be away, shared by all its callers.
//!
//! Without it, each loop, mailer and metric would find out by itself, again and again, that a database takes no writes.
//! A gate is open while all is well. A call that fails shuts it. Then all callers wait for one probe, which is made after
//! growing waits, and share its result.
//!
//! # Guarantees
//! - While it is shut, only the probe reaches the server or, after a probe was wrong, one call in its place (the *trial*).
//! - The waits grow. Only a call that worked makes them short again: not a probe that succeeded, and not a read when
//!   writes fail.
//! - Callers that wait learn of the end of an outage at most one [`Backoff`] after it.
//!
//! # Not guaranteed
//! That a call works when the gate is open. A probe may prove less than a call needs: a disk may have room for a small
//! write and not for a large one. After such a wrong probe the calls themselves are tried, one at a time.

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedMutexGuard};
use tokio::time::{Instant, sleep_until};

use crate::away::Away;
use crate::backoff::Backoff;

/// Reads wait this much longer, so that a pending write is tried first: a write that works proves more.
const READS_LATER: Duration = Duration::from_secs(3);

/// What a call needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// To read.
    Read,
    /// To write, which includes to read.
    Write,
}

/// See the module's documentation. Time is tokio's.
#[derive(Debug, Default)]
pub struct Gate {
    state: Arc<Mutex<State>>,
    /// Held by the caller that probes or is the trial.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Notified when the gate was shut again, or opened.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    shut: Option<Shut>,
    /// One call is let through while it is shut.
    is_trying: bool,
    backoff: Backoff,
    /// How often it was shut.
    times: u64,
    /// What failed, and has not worked since.
    failing: Option<Need>,
    /// A probe said yes, and no call since showed that it was wrong.
    probe_said_yes: bool,
    /// A probe said yes and was wrong.
    probe_was_wrong: bool,
}

#[derive(Debug)]
struct Shut {
    until: Instant,
    reason: String,
}

impl State {
    fn shut(&mut self, reason: String) {
        self.times += 1;
        self.probe_said_yes = false;
        self.is_trying = false;
        self.shut = Some(Shut { until: Instant::now() + self.backoff.next_wait(), reason });
    }
}

/// The permission to make one call; kept until [`Gate::ended`] was told how the call ended.
#[derive(Debug)]
#[must_use = "a trial lasts for as long as its pass is kept"]
pub struct Pass {
    trial: Option<(OwnedMutexGuard<()>, Arc<Mutex<State>>)>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some((_turn, state)) = &self.trial {
            lock(state).is_trying = false;
        }
    }
}

impl Gate {
    /// What failed and has not worked since; `None` when all is well, as far as is known.
    pub fn failing(&self) -> Option<Need> {
        self.state().failing
    }

    /// Returns when the caller may make its call, which needs `need`. The error is that of the last probe or trial.
    /// `probe` is given what it has to prove. Cancel-safe.
    pub async fn pass<E, P>(&self, need: Need, probe: impl FnOnce(Need) -> P) -> Result<Pass, E>
    where
        E: Away,
        P: Future<Output = Result<(), E>>,
    {
        const FREE: Pass = Pass { trial: None };
        let known = {
            let state = self.state();
            if state.shut.is_none() {
                return Ok(FREE);
            }
            state.times
        };
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let Some(until) = self.news(known, need)? else { return Ok(FREE) };
            if until <= Instant::now() {
                break;
            }
            tokio::select! {
                () = sleep_until(until) => {}
                () = changed => {}
            }
        }
        let turn = Arc::clone(&self.turn).lock_owned().await;
        // Somebody may have probed, or made a trial, while this caller waited for its turn.
        if self.news::<E>(known, need)?.is_none() {
            return Ok(FREE);
        }
        let failing = {
            let mut state = self.state();
            if state.probe_was_wrong {
                state.is_trying = true;
                return Ok(Pass { trial: Some((turn, Arc::clone(&self.state))) });
            }
            state.failing.unwrap_or(Need::Write)
        };
        let probed = probe(failing).await;
        let mut state = self.state();
        match probed {
            Err(error) if error.is_away() => {
                state.shut(error.to_string());
                self.changed.notify_waiters();
                Err(error)
            }
            // Somebody has to act. The calls fail with that error themselves, so the gate need not stay shut.
            probed => {
                state.shut = None;
                state.probe_said_yes = true;
                self.changed.notify_waiters();
                probed.map(|()| FREE)
            }
        }
    }

    /// When a caller that has seen the gate shut `known` times may probe; `None` when it is open. When it was shut again
    /// since, the reason of that as an error.
    fn news<E: Away>(&self, known: u64, need: Need) -> Result<Option<Instant>, E> {
        let state = self.state();
        match &state.shut {
            None => Ok(None),
            Some(shut) if state.times > known => Err(E::away(shut.reason.clone())),
            Some(shut) if state.probe_was_wrong && Some(need) < state.failing => {
                Ok(Some(shut.until + READS_LATER))
            }
            Some(shut) => Ok(Some(shut.until)),
        }
    }

    /// Records how a call ended for which the caller passed.
    pub fn ended<T, E: Away>(&self, need: Need, result: &Result<T, E>) {
        match result {
            Ok(_) => self.worked(need),
            Err(error) if error.is_away() => self.failed(need, error),
            Err(_) => {}
        }
    }

    /// Records that a call failed because the server or the file is away.
    pub fn failed(&self, need: Need, error: &impl Display) {
        let mut state = self.state();
        // Calls that were under way when the gate was shut fail like the first one.
        if state.shut.is_some() && !state.is_trying {
            return;
        }
        state.probe_was_wrong |= state.probe_said_yes;
        state.failing = state.failing.max(Some(need));
        state.shut(error.to_string());
        self.changed.notify_waiters();
    }

    /// Records that a call worked.
    pub fn worked(&self, need: Need) {
        let mut state = self.state();
        if state.failing.is_some_and(|failing| need >= failing) {
            *state = State { times: state.times, ..State::default() };
            self.changed.notify_waiters();
        }
    }

    /// Never held across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
