//! What the tests need from outside the workspace: servers of their own that they may stop, kill and freeze, a
//! TCP proxy that injects faults, a mail server, whole responses of the API, and one way to say that a test could not
//! run.
//!
//! A test that only needs *some* server takes a shared one from the environment ([`amqp_url`], [`mysql_url`]);
//! `cargo xtask test` sets it. A test that breaks its server starts a private one ([`RabbitMq`], [`MySql`]), or
//! breaks only its own connections with a [`Proxy`] in front of the shared one.
//!
//! Everything here blocks; it uses threads, and no async runtime. In an async test, wrap what takes long in
//! `tokio::task::spawn_blocking` when something else must go on meanwhile.
//!
//! *Guarantees*
//! - Nothing of the machine is touched: no user is switched, nothing in `/etc` or `/var` is read or written, no
//!   well-known port is taken. Servers listen on the loopback interface only. Data is in `target/services`.
//! - Dropping a handle kills what it started and removes its data. When the test process dies without dropping,
//!   even by SIGKILL, a watching shell does it; should that be killed too, the next start does ([`sweep`]).
//! - Only processes that carry the handle's own mark in their environment are ever signalled.
//!
//! Tests that start private servers have `private_server` in their name (or in a module's): .config/nextest.toml
//! runs those one at a time and gives them more time.
//!
//! *Not guaranteed*: private servers on anything but Linux ([`RabbitMq::is_installed`] is false there). They are also not started when
//! `COINPIPE_TEST_NO_SERVERS` is set.

mod aiosmtpd;
mod browser;
mod chosen;
mod error;
mod keeper;
mod listings;
mod mail;
mod mark;
mod mysql;
mod place;
mod proxy;
mod rabbitmq;
mod server;
mod skip;
#[cfg(feature = "tls")]
mod smtp;
#[cfg(feature = "tls")]
mod tls;
mod wait;

pub use aiosmtpd::has_aiosmtpd;
pub use browser::Browser;
pub use chosen::{amqp_url, amqp_url_or_skip, mysql_url, mysql_url_or_skip};
pub use error::LabError;
pub use listings::{Listing, listings};
pub use mail::{MailServer, TakenMail};
pub use mark::marked_for;
pub use mysql::MySql;
pub use place::{remove, services_folder, sweep};
pub use proxy::{Proxy, Way};
pub use rabbitmq::RabbitMq;
pub use skip::skip;
#[cfg(feature = "tls")]
pub use smtp::{SmtpFaults, SmtpMail, SmtpServer};
#[cfg(feature = "tls")]
pub use tls::Certificates;
pub use wait::{DEADLINE, wait_until, wait_until_or_tell};
