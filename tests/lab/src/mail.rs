//! A mail server that takes its time, or refuses what it gets: SMTP without TLS or logins, on a free port.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::LabError;

/// A mail as the server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenMail {
    /// What its header `Message-ID` says.
    pub message_id: String,
    /// All of its text.
    pub text: String,
}

/// The server. Dropping it frees the port.
///
/// ```
/// let server = lab::MailServer::start(std::time::Duration::ZERO).unwrap();
/// assert!(server.url().starts_with("smtp://127.0.0.1:"));
/// assert_eq!(server.taken(), []);
/// ```
#[derive(Debug)]
pub struct MailServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// How long it takes to answer a mail.
    delay: Duration,
    is_ended: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Mails of which the whole text arrived.
    begun: usize,
    taken: Vec<TakenMail>,
    /// What every mail is refused with.
    refusal: Option<String>,
    refused: usize,
}

impl MailServer {
    /// A server that answers a mail `delay` after its text arrived.
    pub fn start(delay: Duration) -> Result<Self, LabError> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(LabError::io("listen on a free port"))?;
        let address = listener.local_addr().map_err(LabError::io("ask for the port"))?;
        let shared = Arc::new(Shared { delay, is_ended: AtomicBool::new(false), state: Mutex::default() });
        let accepting = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("lab-mail".to_owned())
            .spawn(move || accept(&listener, &accepting))
            .map_err(LabError::io("start a thread"))?;
        Ok(Self { address, shared })
    }

    /// What clients connect to.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Of how many mails the whole text arrived, answered or not.
    pub fn begun(&self) -> usize {
        self.shared.state().begun
    }

    /// The mails that it took, also those whose sender was gone when it did.
    pub fn taken(&self) -> Vec<TakenMail> {
        self.shared.state().taken.clone()
    }

    /// How many mails it refused.
    pub fn refused(&self) -> usize {
        self.shared.state().refused
    }

    /// Refuses mails with this line (`550 no`) from now on, at their text; or takes them again.
    pub fn refuse(&self, refusal: Option<&str>) {
        self.shared.state().refusal = refusal.map(str::to_owned);
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.shared.is_ended.store(true, Ordering::SeqCst);
        // The accepting thread waits for a client.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it answers to `text`, when it does.
    fn judge(&self, text: String) -> String {
        self.state().begun += 1;
        std::thread::sleep(self.delay);
        let mut state = self.state();
        if let Some(refusal) = state.refusal.clone() {
            state.refused += 1;
            return refusal;
        }
        let message_id = text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap_or_default();
        state.taken.push(TakenMail { message_id: message_id.to_owned(), text });
        "250 taken".to_owned()
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.is_ended.load(Ordering::SeqCst) {
            return;
        }
        let Ok(client) = client else { continue };
        let shared = Arc::clone(shared);
        // Without a thread there is no answer, which the client will tell.
        let _ = std::thread::Builder::new().name("lab-mail".to_owned()).spawn(move || talk(&client, &shared));
    }
}

/// Talks to a client until it goes.
fn talk(mut client: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut lines = BufReader::new(client).lines();
    client.write_all(b"220 lab\r\n")?;
    while let Some(line) = lines.next() {
        let line = line?.to_ascii_uppercase();
        let answer = if line.starts_with("DATA") {
            client.write_all(b"354 go on\r\n")?;
            let mut text = String::new();
            loop {
                let Some(line) = lines.next() else { return Ok(()) };
                match line?.as_str() {
                    "." => break,
                    line => text.extend([line, "\n"]),
                }
            }
            shared.judge(text)
        } else if line.starts_with("QUIT") {
            client.write_all(b"221 bye\r\n")?;
            return Ok(());
        } else {
            "250 ok".to_owned()
        };
        client.write_all(format!("{answer}\r\n").as_bytes())?;
    }
    Ok(())
}
