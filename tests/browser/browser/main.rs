//! The site in a real browser: the programs serve it, a headless Chromium looks at it, and what it found is compared by content.
//!
//! Chromium is driven by chromedriver, whose protocol (W3C `WebDriver`) is JSON over HTTP: `driver` speaks it. A crate that does would
//! bring twenty others and have half the workspace compiled again.

mod desk;
mod driver;
mod expected;
mod http;
mod people;
mod refresh;
mod screenshots;
mod served;
mod stores;
mod view;
mod views;
