//! What a process knows about a server or a file that may be away, shared by all in it who need it.
//!
//! Loops, mailers and whoever asks for metrics would each find out by themselves that a database takes no more
//! writes, again and again. A gate lets them through while all is well. After a call that failed it is shut: who
//! comes then waits, with everybody else, for one probe at growing distances, and shares what it found.
//!
//! # Guarantees
//! - While it is shut, nothing is asked but by that probe or, where probes were wrong, by one call in its place.
//! - The distances grow. Only a call that worked makes them short again: not a probe that said yes, and not a read when
//!   it is writing that failed.
//! - Who waits knows at most one [`Backoff`] after the end of an outage that it is over.
//!
//! # Not guaranteed
//! That a call works when the gate is open. A probe may prove less than a call needs: a disk may have room for a
//! little and not for much. After a probe that was wrong, the calls themselves are tried, one at a time.

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedMutexGuard};
use tokio::time::{Instant, sleep_until};

use crate::away::Away;
use crate::backoff::Backoff;

/// How much later than a write a read is tried in its place: where there is a write to try, it tells more.
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
    /// Held by who probes or is tried.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// It was shut again, or opened.
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

/// The leave to make one call; kept until it has ended and the gate was told how.
#[derive(Debug)]
#[must_use = "whoever is tried alone is so for as long as it keeps this"]
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
    /// What failed and has not worked since; `None`: all is well, as far as is known.
    pub fn failing(&self) -> Option<Need> {
        self.state().failing
    }

    /// Returns when the caller may make its call, which needs `need`. The error is the one of the last probe, or call;
    /// `probe` is told what is to be proved. Cancel-safe.
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
        // Somebody may have probed, or was tried, while this one waited for its turn.
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
            // Somebody has to act: each call says so by itself.
            probed => {
                state.shut = None;
                state.probe_said_yes = true;
                self.changed.notify_waiters();
                probed.map(|()| FREE)
            }
        }
    }

    /// When somebody who knows of the first `known` times may probe; `None`: it is open. The error of the last time, when
    /// there was another.
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

    /// Is told how a call for which someone passed ended.
    pub fn ended<T, E: Away>(&self, need: Need, result: &Result<T, E>) {
        match result {
            Ok(_) => self.worked(need),
            Err(error) if error.is_away() => self.failed(need, error),
            Err(_) => {}
        }
    }

    /// A call failed: the thing is away.
    pub fn failed(&self, need: Need, error: &impl Display) {
        let mut state = self.state();
        // What was on its way when it was shut fails like the first.
        if state.shut.is_some() && !state.is_trying {
            return;
        }
        state.probe_was_wrong |= state.probe_said_yes;
        state.failing = state.failing.max(Some(need));
        state.shut(error.to_string());
        self.changed.notify_waiters();
    }

    /// A call worked.
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
