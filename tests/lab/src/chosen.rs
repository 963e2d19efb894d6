//! The shared servers: whoever runs the tests says where they are.

use crate::skip;

/// The AMQP URL in `COINPIPE_TEST_AMQP_URL`: a broker that tests share and must leave running.
pub fn amqp_url() -> Option<String> {
    named("COINPIPE_TEST_AMQP_URL")
}

/// The `mysql://` URL in `COINPIPE_TEST_MYSQL_URL`: a server that tests share, each in a database it creates.
pub fn mysql_url() -> Option<String> {
    named("COINPIPE_TEST_MYSQL_URL")
}

/// [`amqp_url`]; where there is none the test is noted as skipped and must return.
///
/// ```no_run
/// # fn the_test() {
/// let Some(url) = lab::amqp_url_or_skip() else { return };
/// # }
/// ```
#[track_caller]
pub fn amqp_url_or_skip() -> Option<String> {
    amqp_url().or_else(|| {
        skip(
            "no RabbitMQ: use `cargo xtask test`, or set COINPIPE_TEST_AMQP_URL (`cargo xtask services up`)",
        );
        None
    })
}

/// [`mysql_url`]; where there is none the test is noted as skipped and must return.
#[track_caller]
pub fn mysql_url_or_skip() -> Option<String> {
    mysql_url().or_else(|| {
        skip("no MariaDB or MySQL: use `cargo xtask test`, or set COINPIPE_TEST_MYSQL_URL (`cargo xtask services up`)");
        None
    })
}

fn named(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|url| !url.is_empty())
}
