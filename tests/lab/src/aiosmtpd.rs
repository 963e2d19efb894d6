//! Where the package with a real mail server is.

use std::path::Path;

use crate::place;

/// Debian's own, which has Debian's packages.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// Where Debian puts the package `python3-aiosmtpd`.
const PACKAGE: &str = "/usr/lib/python3/dist-packages/aiosmtpd";

/// Whether a mail server with STARTTLS and logins can be started here.
pub fn has_aiosmtpd() -> bool {
    place::may_start_servers() && Path::new(PYTHON).exists() && Path::new(PACKAGE).exists()
}
