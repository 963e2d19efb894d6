//! What was begun on the site and goes on in this process when the browser leaves.
//!
//! The record in the store is the truth that every server can tell; what is kept here is only what it does not say, and the way to stop.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use desk::{Access, Acting, Pace, Progress, Sent, Verb};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::trouble::Trouble;

/// Those that ended and are kept, so that their words can be read.
const KEPT: usize = 200;
/// Those that go on at once.
const AT_ONCE: usize = 8;
/// Letters that are named of those that could not be sent.
const NAMED: usize = 20;

/// What is done.
pub(crate) enum Work {
    /// Letters are sent again.
    Replay(Pace),
    /// Letters are resolved or dropped, for this reason.
    Settle(String),
}

/// How far it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) matched: u64,
    pub(crate) sent: Sent,
    /// How many letters it waits for.
    pub(crate) waits: usize,
    /// What happened besides, in sentences.
    pub(crate) notes: Vec<String>,
    /// What came of it, in words; `None` while it goes on.
    pub(crate) ended: Option<String>,
    pub(crate) is_cancelled: bool,
}

struct Job {
    state: Arc<Mutex<State>>,
    stop: CancellationToken,
}

/// All of this process.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<BTreeMap<String, Job>>);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked with it left numbers that are as good as any.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Jobs {
    /// Begins `work` on the letters of `acting`, whose record has begun, until `stop`.
    pub(crate) fn begin(&self, access: Access, stop: CancellationToken, mut acting: Acting, work: Work) {
        let state = State { matched: acting.matched(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let job = Job { state: state.clone(), stop: stop.clone() };
        let mut jobs = locked(&self.0);
        let ended = jobs.iter().filter(|(_, job)| locked(&job.state).ended.is_some());
        // Their names begin with the verb and the time.
        let oldest = ended.map(|(id, _)| id.clone()).next().filter(|_| jobs.len() >= KEPT);
        if let Some(id) = oldest {
            jobs.remove(&id);
        }
        jobs.insert(acting.id().to_owned(), job);
        drop(jobs);
        let going_on = move || async move {
            let told = match work {
                Work::Replay(pace) => Box::pin(replay(&access, &mut acting, pace, &state, &stop)).await,
                Work::Settle(why) => settle(&access, &mut acting, &why, &stop).await,
            };
            let told = told.unwrap_or_else(|error| {
                warn!(action = acting.id(), "what was begun on the site failed: {error:#}");
                format!("It failed: {error:#}")
            });
            locked(&state).ended = Some(told);
        };
        // A thread of its own, that mostly waits: so it holds up no other view, and is no part of one.
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || runtime.block_on(going_on()));
    }

    /// An error when as many go on as may.
    pub(crate) fn check_room(&self) -> Result<(), Trouble> {
        let going_on = locked(&self.0).values().filter(|job| locked(&job.state).ended.is_none()).count();
        if going_on >= AT_ONCE {
            return Err(Trouble::Refused(
                StatusCode::TOO_MANY_REQUESTS,
                "as many actions go on in this process as may; wait for one to end, or stop one".into(),
            ));
        }
        Ok(())
    }

    /// How far the action `id` is, if it is of this process.
    pub(crate) fn state(&self, id: &str) -> Option<State> {
        locked(&self.0).get(id).map(|job| locked(&job.state).clone())
    }

    /// Stops the action `id`; `false` when this process has none that goes on.
    pub(crate) fn cancel(&self, id: &str) -> bool {
        let jobs = locked(&self.0);
        let Some(job) = jobs.get(id) else { return false };
        let mut state = locked(&job.state);
        state.is_cancelled = true;
        job.stop.cancel();
        state.ended.is_none()
    }
}

async fn replay(
    access: &Access,
    acting: &mut Acting,
    pace: Pace,
    state: &Mutex<State>,
    stop: &CancellationToken,
) -> anyhow::Result<String> {
    let replayed = desk::replay(access, acting, pace, &Told(state), stop).await?;
    Ok(replayed.told(acting.matched()))
}

async fn settle(
    access: &Access,
    acting: &mut Acting,
    why: &str,
    stop: &CancellationToken,
) -> anyhow::Result<String> {
    let settled = desk::settle(&access.stores, acting, why, stop).await?;
    let mut told = vec![format!("{} {} of {}", acting.verb().past(), settled.done, acting.matched())];
    if settled.groups > 0 {
        told.push(format!("groups resolved with them: {}", settled.groups));
    }
    told.extend(settled.passed_over());
    if settled.is_stopped {
        told.push("stopped; the same action does the rest".to_owned());
    }
    Ok(told.join("; "))
}

/// Writes down how far it is.
struct Told<'a>(&'a Mutex<State>);

impl Progress for Told<'_> {
    fn went(&self, sent: &Sent) {
        locked(self.0).sent = *sent;
    }

    fn not_sent(&self, id: &str, why: &str) {
        let mut state = locked(self.0);
        if state.notes.len() < NAMED {
            state.notes.push(format!("Not sent: {}: {why}", desk::shown_name(id)));
        }
    }

    fn waits(&self, letters: usize) {
        locked(self.0).waits = letters;
    }

    fn stands_still(&self, messages: u64) {
        let note = format!(
            "{messages} messages are in the queues and nothing moves: are a transformer, a loader and an alerter running?"
        );
        locked(self.0).notes.push(note);
    }

    fn is_away(&self, error: &dyn Display) {
        let mut state = locked(self.0);
        if state.notes.len() < NAMED {
            state.notes.push(format!("Waiting: {error}"));
        }
    }
}

/// Whether the letters are ended by `verb`, and so a reason is asked for.
pub(crate) fn is_settling(verb: Verb) -> bool {
    matches!(verb, Verb::Resolve | Verb::Drop)
}
