//! A private RabbitMQ node: own ports, own `epmd`, own cookie, own data. Quorum queues and streams need no plugin.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::server::{self, Server};
use crate::{LabError, mark, place, skip};

/// Where distributions put the real scripts: what they put on the PATH may switch the user.
const SCRIPTS: &[&str] = &["/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin", "/usr/local/opt/rabbitmq/sbin"];

/// A node spends its start asking the file system for modules: it does not look for archives in place of folders
/// (strict). It must wait for the answers asleep, as RabbitMQ does unless told otherwise (`+sbwt none`): awake, it
/// starts in half the time on an idle machine, and not within a minute on one whose cores are busy. The node talks to
/// `rabbitmqctl` on the loopback interface.
const START: &str = "-code_path_choice strict -kernel inet_dist_use_interface {127,0,0,1}";

/// Two schedulers are enough for tests; a node has one for each core otherwise.
const SMALL: &str = "+S 2:2 ";

/// The name of the node: its `epmd` is its own, so any name is free. An address needs no name service.
const NODE: &str = "lab@127.0.0.1";

/// A RabbitMQ node that this test may stop, kill and freeze. It ends, and its data goes, when it is dropped.
///
/// ```no_run
/// let Some(mut broker) = lab::RabbitMq::start_or_skip() else { return };
/// let url = broker.url();
/// broker.kill9().unwrap();
/// broker.start_again().unwrap(); // the same URL, the same data
/// broker.ctl(&["close_all_connections", "by the test"]).unwrap();
/// ```
#[derive(Debug)]
pub struct RabbitMq {
    server: Server,
    ports: Ports,
    /// Whether it is kept small, as tests want it.
    is_small: bool,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    amqp: u16,
    distribution: u16,
    epmd: u16,
}

impl RabbitMq {
    /// Whether a private node can be started here: RabbitMQ's scripts are installed, this is Linux,
    /// and `COINPIPE_TEST_NO_SERVERS` is not set.
    pub fn is_installed() -> bool {
        place::may_start_servers() && script("rabbitmq-server").is_some()
    }

    /// Starts a node and waits until it takes connections (8 s on two cores: it loads a thousand modules).
    pub fn start() -> Result<Self, LabError> {
        Self::start_with("")
    }

    /// [`RabbitMq::start`] where RabbitMQ is installed; elsewhere the test is noted as skipped and must
    /// return. Panics when it is installed and does not start.
    #[track_caller]
    pub fn start_or_skip() -> Option<Self> {
        if !Self::is_installed() {
            skip(&place::why_not("RabbitMQ is not installed"));
            return None;
        }
        Some(Self::start().unwrap_or_else(|error| panic!("{error}")))
    }

    /// Starts a node with more lines in its configuration file, such as `consumer_timeout = 10000`.
    pub fn start_with(config: &str) -> Result<Self, LabError> {
        Self::start_in(Server::private("rabbitmq")?, true, config)
    }

    /// Starts a node that uses all of the machine, as RabbitMQ does by itself. For measurements.
    pub fn start_with_defaults() -> Result<Self, LabError> {
        Self::start_in(Server::private("rabbitmq")?, false, "")
    }

    /// A node that also takes encrypted connections, at the URL; a client has to trust the authority.
    #[cfg(feature = "tls")]
    pub fn start_encrypted() -> Result<(Self, String, crate::Certificates), LabError> {
        let server = Server::private("rabbitmq")?;
        let [port] = place::free_ports()?;
        let certificates = crate::Certificates::in_folder(server.folder())?;
        let config = format!(
            "listeners.ssl.local = 127.0.0.1:{port}\n\
             ssl_options.certfile = {}\n\
             ssl_options.keyfile = {}\n",
            certificates.server.display(),
            certificates.key.display(),
        );
        let node = Self::start_in(server, true, &config)?;
        Ok((node, format!("amqps://lab:lab@localhost:{port}/%2f"), certificates))
    }

    /// Starts a node in `folder` that outlives this handle and this process, until [`crate::remove`].
    pub fn start_detached(folder: &Path) -> Result<Self, LabError> {
        Self::start_in(Server::detached("rabbitmq", folder)?, true, "")
    }

    /// The node that [`RabbitMq::start_detached`] started in `folder`, if it still runs.
    pub fn find(folder: &Path) -> Option<Self> {
        let server = Server::find("rabbitmq", folder)?;
        let text = std::fs::read_to_string(server.folder().join("ports")).ok()?;
        let ports: Vec<u16> = text.split_whitespace().filter_map(|port| port.parse().ok()).collect();
        let &[amqp, distribution, epmd] = ports.as_slice() else { return None };
        Some(Self { server, ports: Ports { amqp, distribution, epmd }, is_small: true })
    }

    fn start_in(server: Server, is_small: bool, config: &str) -> Result<Self, LabError> {
        let [amqp, distribution, epmd] = place::free_ports()?;
        let node = Self { server, ports: Ports { amqp, distribution, epmd }, is_small };
        node.server.write("ports", &format!("{amqp} {distribution} {epmd}\n"))?;
        node.server.write(
            "rabbitmq.conf",
            &format!(
                "listeners.tcp.local = 127.0.0.1:{amqp}\n\
                 default_user = lab\n\
                 default_pass = lab\n\
                 default_user_tags.administrator = true\n\
                 disk_free_limit.absolute = 1MB\n\
                 log.console = true\n\
                 log.console.level = info\n\
                 log.file = false\n\
                 {config}\n"
            ),
        )?;
        node.server.write("enabled_plugins", "[].\n")?;
        let cookie = node.server.write(".erlang.cookie", &format!("lab{:016x}", fastrand::u64(..)))?;
        std::fs::set_permissions(cookie, Permissions::from_mode(0o400))
            .map_err(LabError::io("hide the cookie"))?;
        let mut node = node;
        node.start_again()?;
        Ok(node)
    }

    /// Starts it again after [`RabbitMq::stop`] or [`RabbitMq::kill9`]: same URL, same data.
    pub fn start_again(&mut self) -> Result<(), LabError> {
        let mut command = self.command("rabbitmq-server")?;
        // As under systemd, the script becomes the node instead of watching over it.
        command.env("RUNNING_UNDER_SYSTEMD", "true").env_remove("NOTIFY_SOCKET");
        let schedulers = if self.is_small { SMALL } else { "" };
        command.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", format!("{schedulers}{START}"));
        self.server.start(command)?;
        self.wait_ready()
    }

    /// Waits until the node greets a client; an error holds the end of its log.
    pub fn wait_ready(&mut self) -> Result<(), LabError> {
        self.server.wait_ready(self.ports.amqp, greets)
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

    /// Freezes it (SIGSTOP): connections stay open, and nothing answers. Nothing but [`RabbitMq::thaw`],
    /// [`RabbitMq::kill9`] and dropping works meanwhile.
    pub fn freeze(&self) {
        self.server.signal(Signal::STOP);
    }

    /// Lets it run again after [`RabbitMq::freeze`].
    pub fn thaw(&self) {
        self.server.signal(Signal::CONT);
    }

    /// Whether its process runs.
    pub fn runs(&mut self) -> bool {
        self.server.runs()
    }

    /// What to connect to: a user with all rights, virtual host `/`.
    pub fn url(&self) -> String {
        format!("amqp://lab:lab@127.0.0.1:{}/%2f", self.ports.amqp)
    }

    /// Its data, configuration and log, for as long as it lives.
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// The port of [`RabbitMq::url`].
    pub fn port(&self) -> u16 {
        self.ports.amqp
    }

    /// Runs `rabbitmqctl` against this node (a second or two) and gives what it printed.
    pub fn ctl(&self, args: &[&str]) -> Result<String, LabError> {
        let mut command = self.command("rabbitmqctl")?;
        let output = command
            .args(["--quiet", "--node", NODE])
            .args(args)
            .output()
            .map_err(LabError::io("start rabbitmqctl"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(said);
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(LabError::new(format!("`rabbitmqctl {}` failed: {said}{errors}", args.join(" "))))
    }

    /// Raises the memory alarm: publishers are blocked, consumers go on. `false` clears it.
    pub fn memory_alarm(&self, on: bool) -> Result<(), LabError> {
        self.ctl(&["set_vm_memory_high_watermark", if on { "0" } else { "0.4" }]).map(drop)
    }

    /// One of RabbitMQ's scripts, in an environment where nothing of the machine's own broker is seen.
    fn command(&self, name: &str) -> Result<Command, LabError> {
        let script = script(name).ok_or_else(|| LabError::new(format!("{name} is not installed")))?;
        let mut command = Command::new(script);
        for (variable, _) in std::env::vars_os() {
            let name = variable.to_string_lossy();
            if name.starts_with("RABBITMQ_") || name.starts_with("ERL_") {
                command.env_remove(&variable);
            }
        }
        let folder = self.server.folder();
        // Also what `rabbitmqctl` starts ends with the node: an `epmd`, when it finds none.
        mark::marked_for(folder, &mut command);
        command
            .current_dir(folder)
            .env("HOME", folder)
            .env("ERL_CRASH_DUMP_SECONDS", "0")
            .env("LC_ALL", "C.UTF-8")
            .env("RABBITMQ_NODENAME", NODE)
            .env("RABBITMQ_USE_LONGNAME", "true")
            .env("RABBITMQ_DIST_PORT", self.ports.distribution.to_string())
            .env("ERL_EPMD_PORT", self.ports.epmd.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_CONFIG_FILES", folder.join("conf.d"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", folder.join("advanced.config"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
            .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
            .env("RABBITMQ_LOG_BASE", folder.join("logs"))
            // Each use of rabbitmqctl listens for a moment: many may run at once.
            .env("RABBITMQ_CTL_DIST_PORT_MIN", "33000")
            .env("RABBITMQ_CTL_DIST_PORT_MAX", "34000")
            .env("RABBITMQ_CTL_ERL_ARGS", "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}");
        Ok(command)
    }
}

fn script(name: &str) -> Option<PathBuf> {
    server::program(&[name], SCRIPTS)
}

/// Whether an AMQP 0-9-1 server answers the protocol header with a method frame (`connection.start`).
fn greets(stream: &mut TcpStream) -> std::io::Result<bool> {
    stream.write_all(b"AMQP\0\0\x09\x01")?;
    let mut first = [0];
    stream.read_exact(&mut first)?;
    Ok(first == [1])
}
