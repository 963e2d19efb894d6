//! Whether the fetcher waits for something that takes real time.

use std::cell::Cell;

thread_local! {
    static BUSY: Cell<usize> = const { Cell::new(0) };
}

/// Lasts while the fetcher waits for something that takes real time, a disk or a server: what it does then is not to be
/// overtaken by the clock. Counted for each thread, as a test is one.
pub(crate) struct Busy(());

impl Busy {
    pub(crate) fn begin() -> Self {
        BUSY.set(BUSY.get() + 1);
        Self(())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.set(BUSY.get() - 1);
    }
}

/// Whether the test of this thread waits so.
pub(crate) fn is_busy() -> bool {
    BUSY.get() > 0
}
