//! A private MariaDB or MySQL server, whichever is installed: own port, own data, one user with all rights.

mod install;

use std::io::Read;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::server::{self, Server};
use crate::{LabError, place, skip};

/// A server that this test may stop, kill and freeze. It ends, and its data goes, when it is dropped.
///
/// ```no_run
/// let Some(mut database) = lab::MySql::start_or_skip() else { return };
/// let url = database.url(); // mysql://lab:lab@127.0.0.1:PORT/coinpipe
/// database.query("CREATE TABLE t (a INT)").unwrap();
/// database.kill9().unwrap();
/// database.start_again().unwrap(); // the same URL, the same data
/// database.set_options(&["--max-connections=2"]);
/// database.restart().unwrap();
/// ```
#[derive(Debug)]
pub struct MySql {
    server: Server,
    port: u16,
    /// Whether it is kept small, as tests want it.
    is_small: bool,
    options: Vec<String>,
}

impl MySql {
    /// Whether a private server can be started here: `mariadbd` or `mysqld` is installed, this is Linux,
    /// and `COINPIPE_TEST_NO_SERVERS` is not set.
    pub fn is_installed() -> bool {
        place::may_start_servers() && install::program().is_some()
    }

    /// Starts a server and waits until it takes connections (MariaDB 0.2 s, MySQL 0.5 s; the first one of a checkout 1 s and 7 s).
    pub fn start() -> Result<Self, LabError> {
        Self::start_with(&[])
    }

    /// [`MySql::start`] where a server is installed; elsewhere the test is noted as skipped and must
    /// return. Panics when it is installed and does not start.
    #[track_caller]
    pub fn start_or_skip() -> Option<Self> {
        if !Self::is_installed() {
            skip(&place::why_not("neither MariaDB nor MySQL is installed"));
            return None;
        }
        Some(Self::start().unwrap_or_else(|error| panic!("{error}")))
    }

    /// Starts a server with more options, such as `--max-connections=2`.
    pub fn start_with(options: &[&str]) -> Result<Self, LabError> {
        Self::start_in(Server::private("mysql")?, true, options)
    }

    /// Starts a server that works as its makers ship it: the binary log, the size of the redo log and all that decides
    /// how fast it is, as nobody set them. For measurements.
    pub fn start_with_defaults() -> Result<Self, LabError> {
        Self::start_in(Server::private("mysql")?, false, &[])
    }

    /// Starts a server in `folder` that outlives this handle and this process, until [`crate::remove`].
    pub fn start_detached(folder: &Path) -> Result<Self, LabError> {
        Self::start_in(Server::detached("mysql", folder)?, true, &[])
    }

    /// The server that [`MySql::start_detached`] started in `folder`, if it still runs.
    pub fn find(folder: &Path) -> Option<Self> {
        let server = Server::find("mysql", folder)?;
        let port = std::fs::read_to_string(server.folder().join("port")).ok()?.trim().parse().ok()?;
        Some(Self { server, port, is_small: true, options: Vec::new() })
    }

    fn start_in(server: Server, is_small: bool, options: &[&str]) -> Result<Self, LabError> {
        install::copy_template(&server.folder().join("data"))?;
        let [port] = place::free_ports()?;
        server.write("port", &port.to_string())?;
        let mut started = Self { server, port, is_small, options: Vec::new() };
        started.set_options(options);
        started.start_again()?;
        Ok(started)
    }

    /// The options of the next start, instead of those given before.
    pub fn set_options(&mut self, options: &[&str]) {
        self.options = options.iter().map(|&option| option.to_owned()).collect();
    }

    /// Starts it again after [`MySql::stop`] or [`MySql::kill9`]: same URL, same data.
    pub fn start_again(&mut self) -> Result<(), LabError> {
        let data = self.server.folder().join("data");
        // A killed one leaves it, and MySQL refuses to start while the process it names is not waited for.
        let _ = std::fs::remove_file(data.join("s.sock.lock"));
        let mut command = install::server(&data)?;
        command
            .arg(format!("--port={}", self.port))
            .args(["--bind-address=127.0.0.1", "--skip-name-resolve"]);
        if self.is_small {
            command.args(install::small());
        }
        command.args(&self.options);
        self.server.start(command)?;
        self.wait_ready()
    }

    /// Waits until the server greets a client; an error holds the end of its log.
    pub fn wait_ready(&mut self) -> Result<(), LabError> {
        self.server.wait_ready(self.port, greets)
    }

    /// Stops it cleanly (SIGTERM).
    pub fn stop(&mut self) -> Result<(), LabError> {
        self.server.stop()
    }

    /// Kills it (SIGKILL).
    pub fn kill9(&mut self) -> Result<(), LabError> {
        self.server.kill9()
    }

    /// Stops it cleanly and starts it again.
    pub fn restart(&mut self) -> Result<(), LabError> {
        self.stop()?;
        self.start_again()
    }

    /// Freezes it (SIGSTOP): connections stay open, and nothing answers. Nothing but [`MySql::thaw`],
    /// [`MySql::kill9`] and dropping works meanwhile.
    pub fn freeze(&self) {
        self.server.signal(Signal::STOP);
    }

    /// Lets it run again after [`MySql::freeze`].
    pub fn thaw(&self) {
        self.server.signal(Signal::CONT);
    }

    /// Whether its process runs.
    pub fn runs(&mut self) -> bool {
        self.server.runs()
    }

    /// What to connect to: a user with all rights, the empty database `coinpipe`.
    pub fn url(&self) -> String {
        format!("mysql://lab:lab@127.0.0.1:{}/coinpipe", self.port)
    }

    /// Its data, configuration and log, for as long as it lives.
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// The port of [`MySql::url`].
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs statements with the command line client, in the database `coinpipe`, and gives the rows:
    /// a line each, columns separated by tabs, no headings.
    pub fn query(&self, sql: &str) -> Result<String, LabError> {
        let client = server::program(&["mariadb", "mysql"], &[])
            .ok_or_else(|| LabError::new("no `mariadb` or `mysql` client on the PATH"))?;
        let output = Command::new(client)
            .args(["--no-defaults", "--batch", "--skip-column-names", "--host=127.0.0.1", "--user=lab"])
            .args([format!("--port={}", self.port), format!("--execute={sql}"), "coinpipe".to_owned()])
            .env("MYSQL_PWD", "lab")
            .stdin(Stdio::null())
            .output()
            .map_err(LabError::io("start the client"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(LabError::new(format!("`{sql}` failed: {}", String::from_utf8_lossy(&output.stderr))))
    }
}

/// Whether what answers is a server's first packet: protocol version 10, and not an error.
fn greets(stream: &mut TcpStream) -> std::io::Result<bool> {
    let mut packet = [0; 5];
    stream.read_exact(&mut packet)?;
    Ok(packet[4] == 10)
}
