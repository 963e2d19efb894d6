//! The terminal as long as it is drawn on: its other screen, keys without Enter, and everything as it was at the end, however that comes.
//!
//! Ctrl-C stays what it is, a signal, which asks the process to stop.

use std::io::{Read, Stdin, Stdout, Write, stdin, stdout};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::line::{Line, Size};

/// The other screen, without a cursor, and without lines that are broken where they are too long.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// The screen. Dropping it leaves the terminal as it was, also while a panic unwinds.
pub(super) struct Screen {
    stdin: Stdin,
    stdout: Stdout,
    terminal: console::Term,
    before: Termios,
    keys: UnboundedReceiver<u8>,
    resized: Signal,
}

impl Screen {
    pub(super) fn open() -> anyhow::Result<Self> {
        let stdin = stdin();
        let before = tcgetattr(&stdin)?;
        let resized = signal(SignalKind::window_change())?;
        let mut raw = before.clone();
        raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        // It would leave the shell on the other screen.
        raw.special_codes[SpecialCodeIndex::VSUSP] = 0;
        tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        // From here on it is restored.
        let screen = Self {
            stdin,
            stdout: stdout(),
            terminal: console::Term::stdout(),
            before,
            keys: keys(),
            resized,
        };
        screen.write(ENTER)?;
        Ok(screen)
    }

    /// As large as it is now.
    pub(super) fn size(&self) -> Size {
        let (lines, columns) = self.terminal.size();
        Size { columns: columns.into(), lines: lines.into() }
    }

    /// Draws `lines`, and clears what is below and beside them.
    pub(super) fn draw(&self, lines: &[Line]) -> anyhow::Result<()> {
        let drawn: Vec<_> = lines.iter().map(|line| format!("{}\x1b[K", line.coloured())).collect();
        self.write(&format!("\x1b[H{}\x1b[J", drawn.join("\r\n")))
    }

    fn write(&self, text: &str) -> anyhow::Result<()> {
        let mut stdout = self.stdout.lock();
        stdout.write_all(text.as_bytes())?;
        Ok(stdout.flush()?)
    }

    /// Waits until something happens to it.
    pub(super) async fn event(&mut self) -> Event {
        loop {
            tokio::select! {
                key = self.keys.recv() => match key {
                    None | Some(b'q' | b'Q') => return Event::Quit,
                    Some(_) => {}
                },
                _ = self.resized.recv() => return Event::Resized,
            }
        }
    }
}

/// What happens to a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Somebody pressed q, or can press nothing any more.
    Quit,
    /// It has another size.
    Resized,
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The last thing that is done with it; there is nobody to tell of an error.
        let _ = self.write(LEAVE);
        let _ = tcsetattr(&self.stdin, OptionalActions::Now, &self.before);
    }
}

/// The keys, until there can be no more. Their thread waits in the middle of a read when the process ends, which it does not hold up.
fn keys() -> UnboundedReceiver<u8> {
    let (pressed, keys) = unbounded_channel();
    std::thread::spawn(move || {
        let mut key = [0; 1];
        while stdin().lock().read(&mut key).is_ok_and(|read| read > 0) && pressed.send(key[0]).is_ok() {}
    });
    keys
}
