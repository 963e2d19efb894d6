//! A headless Chromium, driven through chromedriver.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::{Server, program};
use crate::{LabError, place, skip};

/// Where Debian has them, beside the PATH.
const FOLDERS: [&str; 2] = ["/usr/bin", "/usr/lib/chromium-browser"];

/// chromedriver, which starts a Chromium for each session. All of it ends with this handle.
#[derive(Debug)]
pub struct Browser {
    server: Server,
    port: u16,
}

impl Browser {
    /// Whether both programs are installed.
    pub fn is_installed() -> bool {
        driver().is_some() && Self::program().is_some()
    }

    /// Starts it where it is installed; elsewhere the test is noted as skipped and must return.
    #[track_caller]
    pub fn start_or_skip() -> Option<Self> {
        if !place::may_start_servers() || !Self::is_installed() {
            skip(&place::why_not("chromium and chromium-driver are not installed"));
            return None;
        }
        Some(Self::start().unwrap_or_else(|error| panic!("{error}")))
    }

    fn start() -> Result<Self, LabError> {
        let driver = driver().ok_or_else(|| LabError::new("chromedriver is not installed"))?;
        let mut server = Server::private("browser")?;
        let [port] = place::free_ports()?;
        let mut command = Command::new(driver);
        command.arg(format!("--port={port}")).arg("--allowed-ips=127.0.0.1");
        // Profiles, caches and crash reports go with the folder.
        for variable in ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
            command.env(variable, server.folder());
        }
        server.start(command)?;
        server.wait_ready(port, |stream| {
            stream.write_all(b"GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
            // It keeps the connection open: the first part says enough.
            let mut answer = [0; 1024];
            let read = stream.read(&mut answer)?;
            Ok(answer[..read].starts_with(b"HTTP/1.1 200"))
        })?;
        Ok(Self { server, port })
    }

    /// Where chromedriver listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A folder that goes with the browser.
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// Chromium itself.
    pub fn program() -> Option<PathBuf> {
        program(&["chromium", "chromium-browser", "google-chrome"], &FOLDERS)
    }
}

fn driver() -> Option<PathBuf> {
    program(&["chromedriver"], &FOLDERS)
}
