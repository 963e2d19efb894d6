//! A real SMTP server (aiosmtpd): STARTTLS, a login, and each failure that a test asks for.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::process::Command;

use crate::aiosmtpd::{PYTHON, has_aiosmtpd};
use crate::server::Server;
use crate::{Certificates, LabError, place, skip};

/// What the server does that a good one does not.
#[derive(Clone, Debug, Default)]
pub struct SmtpFaults {
    /// Never says a word.
    pub is_mute: bool,
    /// Answers the text so many seconds late.
    pub delay: f64,
    /// Closes the connection in place of an answer to the text.
    pub drops: bool,
    /// Answers the text with this line.
    pub answer: Option<String>,
    /// Answers these recipients with these lines.
    pub recipients: BTreeMap<String, String>,
}

/// A mail as the server has it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct SmtpMail {
    /// For whom.
    pub recipients: Vec<String>,
    /// All of its text.
    pub text: String,
    /// Whether it came over TLS.
    pub is_encrypted: bool,
    /// Whether its sender had logged in.
    pub is_logged_in: bool,
}

/// The server. It takes mails over STARTTLS from who logs in as `me` with the password `hunter@2`.
#[derive(Debug)]
pub struct SmtpServer {
    server: Server,
    port: u16,
    certificates: Certificates,
}

impl SmtpServer {
    /// Starts it where it is installed; elsewhere the test is noted as skipped and must return.
    #[track_caller]
    pub fn start_or_skip(faults: &SmtpFaults) -> Option<Self> {
        if !has_aiosmtpd() {
            skip(&place::why_not("aiosmtpd is not installed (python3-aiosmtpd)"));
            return None;
        }
        Some(Self::start(faults).unwrap_or_else(|error| panic!("{error}")))
    }

    fn start(faults: &SmtpFaults) -> Result<Self, LabError> {
        let server = Server::private("smtp")?;
        let [port] = place::free_ports()?;
        let certificates = Certificates::in_folder(server.folder())?;
        server.write("server.py", include_str!("smtp/server.py"))?;
        let mut smtp = Self { server, port, certificates };
        smtp.start_again(faults)?;
        Ok(smtp)
    }

    /// Starts it at the same place, after [`stop`](Self::stop), with these faults.
    pub fn start_again(&mut self, faults: &SmtpFaults) -> Result<(), LabError> {
        let SmtpFaults { is_mute, delay, drops, answer, recipients } = faults;
        let settings = serde_json::json!({
            "port": self.port,
            "certificate": self.certificates.server,
            "key": self.certificates.key,
            "login": ["me", "hunter@2"],
            "mails": self.server.folder().join("mails"),
            "is_mute": is_mute,
            "delay": delay,
            "drops": drops,
            "answer": answer,
            "recipients": recipients,
        });
        let mut command = Command::new(PYTHON);
        command.arg(self.server.folder().join("server.py")).arg(settings.to_string());
        self.server.start(command)?;
        // A mute one greets nobody: that it listens is enough.
        self.server.wait_ready(self.port, |_: &mut TcpStream| Ok(true))
    }

    /// Ends it.
    pub fn stop(&mut self) -> Result<(), LabError> {
        self.server.kill9()
    }

    /// What clients connect to: with the login, and the file of the authority that they must trust.
    pub fn url(&self) -> String {
        format!("{}&ca_file={}", self.url_without_authority(), self.certificates.authority.display())
    }

    /// The same for who trusts nobody in particular.
    pub fn url_without_authority(&self) -> String {
        format!("smtp://me:hunter%402@localhost:{}?tls=required", self.port)
    }

    /// The mails that it took, in order.
    pub fn taken(&self) -> Vec<SmtpMail> {
        let text = std::fs::read_to_string(self.server.folder().join("mails")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}
