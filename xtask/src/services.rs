//! `cargo xtask services`: the RabbitMQ and MariaDB (or MySQL) that tests share, private to this checkout.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::cargo::say;
use crate::install;
use crate::interrupt::Interrupt;

/// What to do where no server can be installed.
const HINT: &str = "install rabbitmq-server and mariadb-server (or mysql-server), or run a server anywhere and set \
     COINPIPE_TEST_AMQP_URL=amqp://USER:PASSWORD@HOST:PORT/%2f and \
     COINPIPE_TEST_MYSQL_URL=mysql://USER:PASSWORD@HOST:PORT/DATABASE";

/// The two services, in the order in which everything is said.
pub(crate) const ALL: [Service; 2] = [Service::RabbitMq, Service::MySql];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    RabbitMq,
    MySql,
}

impl fmt::Display for Service {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::RabbitMq => "RabbitMQ",
            Self::MySql => "MariaDB or MySQL",
        })
    }
}

/// A server that runs as long as this is held.
pub(crate) enum Held {
    RabbitMq(lab::RabbitMq),
    MySql(lab::MySql),
}

impl Held {
    pub(crate) fn url(&self) -> String {
        match self {
            Self::RabbitMq(server) => server.url(),
            Self::MySql(server) => server.url(),
        }
    }
}

impl Service {
    /// The variable that says where it is.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::RabbitMq => "COINPIPE_TEST_AMQP_URL",
            Self::MySql => "COINPIPE_TEST_MYSQL_URL",
        }
    }

    /// The URL that the environment gives.
    pub(crate) fn given(self) -> Option<String> {
        match self {
            Self::RabbitMq => lab::amqp_url(),
            Self::MySql => lab::mysql_url(),
        }
    }

    /// The URL of the one that `services up` started, once it answers.
    pub(crate) fn found(self) -> Option<String> {
        match self {
            Self::RabbitMq => {
                let mut server = lab::RabbitMq::find(&self.folder())?;
                server.wait_ready().ok().map(|()| server.url())
            }
            Self::MySql => {
                let mut server = lab::MySql::find(&self.folder())?;
                server.wait_ready().ok().map(|()| server.url())
            }
        }
    }

    /// Starts one that ends with this process.
    pub(crate) fn start(self) -> anyhow::Result<Held> {
        Ok(match self {
            Self::RabbitMq => Held::RabbitMq(lab::RabbitMq::start()?),
            Self::MySql => Held::MySql(lab::MySql::start()?),
        })
    }

    fn start_detached(self) -> anyhow::Result<String> {
        let folder = self.folder();
        let started = match self {
            Self::RabbitMq => lab::RabbitMq::start_detached(&folder).map(|server| server.url()),
            Self::MySql => lab::MySql::start_detached(&folder).map(|server| server.url()),
        };
        // Detached means that nobody else would end what did not get ready.
        started.inspect_err(|_| lab::remove(&folder)).map_err(Into::into)
    }

    pub(crate) fn is_installed(self) -> bool {
        match self {
            Self::RabbitMq => lab::RabbitMq::is_installed(),
            Self::MySql => lab::MySql::is_installed(),
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::RabbitMq => "rabbitmq-server",
            Self::MySql => "mariadb-server",
        }
    }

    fn folder(self) -> PathBuf {
        shared_folder().join(match self {
            Self::RabbitMq => "rabbitmq",
            Self::MySql => "mysql",
        })
    }
}

fn shared_folder() -> PathBuf {
    lab::services_folder().join("shared")
}

/// Installs what of `wanted` is missing, if that is possible here.
pub(crate) fn install_missing(wanted: &[Service], interrupt: &Interrupt) -> anyhow::Result<()> {
    let missing: Vec<_> =
        wanted.iter().filter(|service| !service.is_installed()).map(|service| service.package()).collect();
    if missing.is_empty() { Ok(()) } else { install::install(&missing, HINT, interrupt) }
}

/// Installs the mail server of the tests where it is missing; without it these are skipped.
pub(crate) fn install_mail_server(interrupt: &Interrupt) {
    if lab::has_aiosmtpd() {
        return;
    }
    let hint = "tests with a real mail server are skipped";
    if let Err(error) = install::install(&["python3-aiosmtpd"], hint, interrupt) {
        say(&format!("{error:#}"));
    }
}

/// Installs the browser of the tests where it is missing; without it these are skipped.
pub(crate) fn install_browser(interrupt: &Interrupt) {
    if lab::Browser::is_installed() {
        return;
    }
    let hint = "tests of the site in a browser are skipped";
    if let Err(error) = install::install(&["chromium", "chromium-driver"], hint, interrupt) {
        say(&format!("{error:#}"));
    }
}

/// Makes sure that both run and prints where: `export` lines on stdout, for `eval`.
pub(crate) fn up() -> anyhow::Result<()> {
    let _only_one = lock()?;
    let interrupt = Interrupt::watch()?;
    let wanted: Vec<_> = ALL.into_iter().filter(|service| service.given().is_none()).collect();
    let missing: Vec<_> = wanted.into_iter().filter(|service| service.found().is_none()).collect();
    install_missing(&missing, &interrupt)?;
    let mut out = std::io::stdout().lock();
    for service in ALL {
        interrupt.check()?;
        let url = if let Some(url) = service.given() {
            if !answers(&url) {
                let variable = service.variable();
                bail!(
                    "{service}: {variable} is set, but nothing answers at {}: unset {variable}",
                    place(&url)
                );
            }
            say(&format!("{service}: {} is set, using that", service.variable()));
            url
        } else if let Some(url) = service.found() {
            say(&format!("{service}: runs"));
            url
        } else {
            say(&format!("{service}: starting in {}", service.folder().display()));
            service.start_detached()?
        };
        writeln!(out, "export {}='{url}'", service.variable()).context("cannot print")?;
    }
    say("For this shell: eval \"$(cargo xtask services up)\". To end them: cargo xtask services down.");
    Ok(())
}

/// Ends what [`up`] started, removes its data, and what lost its owner.
pub(crate) fn down() -> anyhow::Result<()> {
    let _only_one = lock()?;
    for service in ALL {
        if service.folder().exists() {
            lab::remove(&service.folder());
            say(&format!("{service}: stopped, data removed"));
        } else {
            say(&format!("{service}: was not started from here"));
        }
    }
    lab::sweep();
    Ok(())
}

/// Host and port of `url`, without user and password.
fn place(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    authority.split(['/', '?']).next().unwrap_or_default()
}

/// Whether something listens where `url` points to; taken for granted when it names no port.
fn answers(url: &str) -> bool {
    let place = place(url);
    !place.contains(':') || TcpStream::connect(place).is_ok()
}

/// Says what runs, on stdout.
pub(crate) fn status() -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for service in ALL {
        let state = match (service.given(), service.found()) {
            (Some(url), _) if answers(&url) => format!("given by {}", service.variable()),
            (Some(url), _) => {
                format!("{} is set, but nothing answers at {}", service.variable(), place(&url))
            }
            (None, Some(url)) => format!("runs at {url}"),
            (None, None) if service.is_installed() => "installed, not started".to_owned(),
            (None, None) => "not installed".to_owned(),
        };
        writeln!(out, "{service}: {state}").context("cannot print")?;
    }
    Ok(())
}

/// Two `services up` at once would start four servers.
fn lock() -> anyhow::Result<File> {
    let folder = shared_folder();
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let file = File::create(folder.join("lock")).context("cannot make a lock file")?;
    file.lock().context("cannot lock")?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_gone_is_not_taken_for_one() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("amqp://user:p%40ss@{}/%2f", listener.local_addr().unwrap());
        assert!(answers(&url));
        drop(listener);
        assert!(!answers(&url));
        assert!(answers("mysql://user:pass@db.example.com/coins"), "whoever reads it knows the port");
        assert_eq!(place("mysql://user:p%40ss@127.0.0.1:3306/coins?ssl-mode=required"), "127.0.0.1:3306");
    }
}
