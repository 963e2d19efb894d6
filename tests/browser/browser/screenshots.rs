//! The screenshots of the README, from simulated data. `cargo xtask screenshots` asks for them; a test run does not.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lab::Browser;
use serde_json::json;

use crate::driver::Driver;
use crate::served::{Served, store};
use crate::stores::{PLAIN, fill};
use crate::view::Look;

/// The largest of them, in bytes.
const LARGEST: usize = 150_000;
/// Of the window, in pixels.
const WIDTH: u32 = 1280;

#[test]
#[ignore = "writes the README's images; cargo xtask screenshots runs it"]
fn screenshots_private_server() {
    let folder = std::env::var_os("COINPIPE_TEST_SCREENSHOTS").expect("where they go");
    let Some(browser) = Browser::start_or_skip() else {
        panic!("chromium and chromium-driver are not installed")
    };
    let data = tempfile::tempdir().expect("a folder");
    fill(&store(data.path()), &PLAIN);
    let served = Served::by("alerter", data, &[]);
    let driver = Driver::new(&browser);
    for (name, path, is_dark) in [("market", "/?size=25", false), ("coin", "/coins/1", true)] {
        Look { width: WIDTH, is_dark, has_script: true }.take(&driver);
        driver.go(&served.url(path));
        let part = json!({ "x": 0, "y": 0, "width": WIDTH, "height": 640, "scale": 1 });
        let png = driver.devtools("Page.captureScreenshot", &json!({ "format": "png", "clip": part }));
        let png = STANDARD.decode(png["data"].as_str().expect("an image")).expect("base 64");
        assert!(png.len() <= LARGEST, "{name}.png has {} bytes", png.len());
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), png).expect("written");
    }
}
