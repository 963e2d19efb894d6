//! What a process knows about a server or a file that may be away, shared by all in it who need it.
//!
//! Loops, mailers and whoever asks for metrics would each find out by themselves that a database takes no more
//! writes, again and again. A gate lets them through while all is well. After a call that failed it is shut: who
//! comes then waits, with everybody else, for the one look that is taken at growing distances, and shares what
//! it found.
//!
//! # Guarantees
//! - While it is shut, nothing is asked but by that look, or, when looks were wrong, by who comes next.
//! - Looks are at growing distances. Only a call that worked makes them short again: not a look that said yes,
//!   and not a read when it is writing that failed.
//! - Who waits knows at most one [`Backoff`] after the end of an outage that it is over.
//!
//! # Not guaranteed
//! That a call works when the gate is open. A look may prove less than a call needs: a disk may have room for a
//! little and not for much. After a look that was wrong, the calls themselves are what is tried.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::backoff::Backoff;

/// What a call needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// To read.
    Read,
    /// To write; who can, can read, too.
    Write,
}

/// An error that may mean "away", and that can be told to others who wait for the same.
pub trait Away: Display + Sized {
    /// Whether waiting can help.
    fn is_away(&self) -> bool;

    /// An error that says so, because of `reason`: the text of another one.
    fn away(reason: String) -> Self;
}

/// See the module's documentation. Time is tokio's.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<State>,
    /// Held by who looks.
    turn: tokio::sync::Mutex<()>,
    opened: Notify,
}

#[derive(Debug, Default)]
struct State {
    shut: Option<Shut>,
    backoff: Backoff,
    /// How often it was shut.
    times: u64,
    /// What failed, and has not worked since.
    failing: Option<Need>,
    /// A look said yes, and no call since said that it was wrong.
    is_looked: bool,
    /// A look said yes and was wrong.
    looks_lie: bool,
}

#[derive(Debug)]
struct Shut {
    until: Instant,
    reason: String,
}

impl State {
    fn shut(&mut self, reason: String) {
        self.times += 1;
        self.is_looked = false;
        self.shut = Some(Shut { until: Instant::now() + self.backoff.next_wait(), reason });
    }
}

impl Gate {
    /// What failed and has not worked since; `None`: all is well, as far as is known.
    pub fn failing(&self) -> Option<Need> {
        self.state().failing
    }

    /// Returns when the caller may make its call. The error is the one of the last `look`, which is told what is to be
    /// proved. Cancel-safe.
    pub async fn pass<E, L>(&self, look: impl FnOnce(Need) -> L) -> Result<(), E>
    where
        E: Away,
        L: Future<Output = Result<(), E>>,
    {
        let known = {
            let state = self.state();
            if state.shut.is_none() {
                return Ok(());
            }
            state.times
        };
        let _turn = self.turn.lock().await;
        {
            let state = self.state();
            // Somebody looked while this one waited for its turn.
            if let Some(shut) = state.shut.as_ref().filter(|_| state.times > known) {
                return Err(E::away(shut.reason.clone()));
            }
        }
        loop {
            let Some(until) = self.state().shut.as_ref().map(|shut| shut.until) else { return Ok(()) };
            if until <= Instant::now() {
                break;
            }
            tokio::select! {
                () = sleep_until(until) => {}
                () = self.opened.notified() => {}
            }
        }
        let (looks_lie, need) = {
            let state = self.state();
            (state.looks_lie, state.failing.unwrap_or(Need::Write))
        };
        let looked = if looks_lie { Ok(()) } else { look(need).await };
        let mut state = self.state();
        match looked {
            Err(error) if error.is_away() => {
                state.shut(error.to_string());
                Err(error)
            }
            // Somebody has to act: each call says so by itself.
            looked => {
                state.shut = None;
                state.is_looked = true;
                looked
            }
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
        if state.shut.is_some() {
            return;
        }
        state.looks_lie |= state.is_looked;
        state.failing = state.failing.max(Some(need));
        state.shut(error.to_string());
    }

    /// A call worked.
    pub fn worked(&self, need: Need) {
        let mut state = self.state();
        if state.failing.is_some_and(|failing| need >= failing) {
            *state = State { times: state.times, ..State::default() };
            self.opened.notify_one();
        }
    }

    /// Never held across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
