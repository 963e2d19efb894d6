//! Calling somebody's URL: for the webhook and the heartbeat. A URL may hold a secret, so no error shows it.

use std::time::Duration;

use reqwest::redirect;
use telemetry::error_chain;

/// A client whose calls take no longer than `timeout`, in all.
pub(crate) fn client(is_encrypted: bool, timeout: Duration) -> Result<reqwest::Client, String> {
    // Normally the process shell has done this; without a provider reqwest panics.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("coinpipe/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeout)
        .timeout(timeout)
        // A redirect would carry the message to another host.
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never());
    if !is_encrypted {
        // Usable on machines without CA certificates.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| format!("TLS cannot be set up: {}", explain(error)))
}

/// What happened, without the URL.
pub(crate) fn explain(error: reqwest::Error) -> String {
    error_chain(&error.without_url())
}
