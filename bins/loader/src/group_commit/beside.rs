//! Two groups at a time: one begins while the one before it ends.
//!
//! Never more than two: the one that has come halfway lets the next one begin when the one before it has ended. So the
//! chunks that wait are not split over ever smaller groups.

use std::convert::Infallible;
use std::future::pending;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use ports::store::Halfway;
use tokio::sync::{Mutex as Turn, MutexGuard, Notify};

/// A group that may let the next one begin.
pub(super) struct Beside<'g> {
    turns: Mutex<Turns<'g>>,
    finish: &'g Turn<()>,
    passed_on: Notify,
}

struct Turns<'g> {
    /// As long as it is held, no other group begins.
    begin: Option<MutexGuard<'g, ()>>,
    /// As long as it is held, the next group that begins does not end.
    finish: Option<MutexGuard<'g, ()>>,
}

impl<'g> Beside<'g> {
    /// A group that begins in its turn.
    pub(super) fn new(begin: MutexGuard<'g, ()>, finish: &'g Turn<()>) -> Self {
        let turns = Mutex::new(Turns { begin: Some(begin), finish: None });
        Self { turns, finish, passed_on: Notify::new() }
    }

    /// Polls `work` until the next group may begin, which then does it.
    pub(super) async fn until_passed_on(&self, work: impl Future<Output = Infallible>) -> Infallible {
        tokio::select! {
            never = work => never,
            () = self.passed_on.notified() => pending().await,
        }
    }

    fn turns(&self) -> std::sync::MutexGuard<'_, Turns<'g>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Halfway for Beside<'_> {
    async fn reached(&self) {
        if self.turns().finish.is_some() {
            return;
        }
        let finish = self.finish.lock().await;
        let mut turns = self.turns();
        turns.finish = Some(finish);
        turns.begin = None;
        self.passed_on.notify_one();
    }
}
