//! What a proxy should do wrong now, and what it has seen: shared by the test and the copying threads.

use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use super::Way;
use crate::wait::Deadline;

/// How long the accepting thread rests when nobody comes.
const DOZE: Duration = Duration::from_millis(2);

/// The faults of one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct OneWay {
    pub(super) stall: bool,
    pub(super) discard: bool,
    pub(super) latency: Duration,
    pub(super) slice: Option<usize>,
    pub(super) cut_after: Option<usize>,
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) refuse: bool,
    to_server: OneWay,
    to_client: OneWay,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) accepted: usize,
    pub(super) struck: usize,
    pub(super) to_server: u64,
    pub(super) to_client: u64,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    counts: Counts,
    pairs: Vec<Arc<Pair>>,
    listening: bool,
    ended: bool,
}

/// The two sockets of one connection. It is closed when the last copying thread lets go of it.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) client: TcpStream,
    pub(super) server: TcpStream,
    cut: AtomicBool,
}

impl Pair {
    pub(super) fn new(client: TcpStream, server: TcpStream) -> Arc<Self> {
        Arc::new(Self { client, server, cut: AtomicBool::new(false) })
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    /// Closing becomes a reset, and whoever reads wakes up. Shutting down the reading side sends nothing.
    pub(super) fn reset(&self) {
        self.cut.store(true, Ordering::SeqCst);
        for socket in [&self.client, &self.server] {
            let _ = set_socket_linger(socket, Some(Duration::ZERO));
            let _ = socket.shutdown(Shutdown::Read);
        }
    }
}

/// What is allowed to a piece that was read.
pub(super) enum Verdict {
    Pass(usize),
    Discard,
    Cut,
}

#[derive(Debug, Default)]
pub(super) struct Switchboard {
    state: Mutex<State>,
    changed: Condvar,
}

impl Switchboard {
    pub(super) fn new() -> Self {
        // Listening from the start: the listener exists before the thread does.
        let board = Self::default();
        board.state().listening = true;
        board
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state().faults);
        self.changed.notify_all();
    }

    pub(super) fn change_way(&self, way: Way, change: impl Fn(&mut OneWay)) {
        self.change(|faults| {
            if way != Way::ToClient {
                change(&mut faults.to_server);
            }
            if way != Way::ToServer {
                change(&mut faults.to_client);
            }
        });
    }

    pub(super) fn heal(&self) {
        self.change(|faults| *faults = Faults::default());
    }

    pub(super) fn cut(&self) {
        cut_all(&self.state());
        self.changed.notify_all();
    }

    pub(super) fn cut_ones_are_gone(&self) -> bool {
        !self.state().pairs.iter().any(|pair| pair.is_cut())
    }

    pub(super) fn live(&self) -> usize {
        self.state().pairs.len()
    }

    pub(super) fn count<T>(&self, look: impl FnOnce(&Counts) -> T) -> T {
        look(&self.state().counts)
    }

    pub(super) fn refuses(&self) -> bool {
        self.state().faults.refuse
    }

    pub(super) fn listening(&self, listening: bool) {
        self.state().listening = listening;
    }

    pub(super) fn is_listening(&self) -> bool {
        self.state().listening
    }

    pub(super) fn end(&self) {
        self.state().ended = true;
        self.heal();
    }

    pub(super) fn is_ended(&self) -> bool {
        self.state().ended
    }

    /// Rests a moment, or until something is changed.
    pub(super) fn doze(&self) {
        let state = self.state();
        drop(self.changed.wait_timeout(state, DOZE));
    }

    pub(super) fn accepted(&self) {
        self.state().counts.accepted += 1;
    }

    /// Keeps `pair`, unless the proxy ended meanwhile.
    pub(super) fn keep(&self, pair: &Arc<Pair>) -> bool {
        let mut state = self.state();
        if !state.ended {
            state.pairs.push(Arc::clone(pair));
        }
        !state.ended
    }

    /// Closes `pair`, whose copying threads are done, before it is seen to be gone.
    pub(super) fn forget_and_close(&self, pair: Arc<Pair>) {
        let mut state = self.state();
        state.pairs.retain(|other| !Arc::ptr_eq(other, &pair));
        drop(pair);
    }

    /// Waits as long as this way is stalled; then the latency, if there is any.
    pub(super) fn hold(&self, pair: &Pair, way: Way, delayed: bool) {
        let mut state = self.state();
        let mut until = None;
        loop {
            if pair.is_cut() || state.ended {
                return;
            }
            let faults = one_way(&mut state.faults, way);
            let latency = if delayed { faults.latency } else { Duration::ZERO };
            if faults.stall {
                state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
                continue;
            }
            let left = until.get_or_insert_with(|| Deadline::after(latency)).left();
            // A latency that was healed away is not waited for.
            if latency.is_zero() || left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// How much of a piece of `size` bytes may pass now; counts it as passed.
    pub(super) fn judge(&self, way: Way, size: usize) -> Verdict {
        let mut state = self.state();
        let faults = one_way(&mut state.faults, way);
        if faults.discard {
            return Verdict::Discard;
        }
        let mut pass = faults.slice.map_or(size, |slice| slice.min(size));
        if let Some(left) = &mut faults.cut_after {
            if *left == 0 {
                faults.cut_after = None;
                state.counts.struck += 1;
                cut_all(&state);
                self.changed.notify_all();
                return Verdict::Cut;
            }
            pass = pass.min(*left);
            *left -= pass;
        }
        let counted =
            if way == Way::ToServer { &mut state.counts.to_server } else { &mut state.counts.to_client };
        *counted += pass as u64;
        Verdict::Pass(pass)
    }
}

fn cut_all(state: &State) {
    for pair in &state.pairs {
        pair.reset();
    }
}

fn one_way(faults: &mut Faults, way: Way) -> &mut OneWay {
    match way {
        Way::ToServer => &mut faults.to_server,
        Way::ToClient => &mut faults.to_client,
        Way::Both => unreachable!("a piece goes one way"),
    }
}
