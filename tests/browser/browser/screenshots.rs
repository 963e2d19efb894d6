//! The screenshots of the README, from simulated data: each test run takes them, and `cargo xtask screenshots` says where they stay.

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
const HEIGHT: u32 = 640;

#[test]
fn screenshots_private_server() {
    let kept = std::env::var_os("COINPIPE_TEST_SCREENSHOTS");
    let Some(browser) = Browser::start_or_skip() else {
        assert!(kept.is_none(), "chromium and chromium-driver are not installed");
        return;
    };
    let forgotten = tempfile::tempdir().expect("a folder");
    let folder = kept.as_ref().map_or(forgotten.path(), Path::new);
    let data = tempfile::tempdir().expect("a folder");
    fill(&store(data.path()), &PLAIN);
    let served = Served::by("alerter", data, &[]);
    let driver = Driver::new(&browser);
    for (name, path, is_dark) in [("market", "/?size=25", false), ("coin", "/coins/1", true)] {
        Look { width: WIDTH, is_dark, has_script: true }.take(&driver);
        driver.go(&served.url(path));
        let part = json!({ "x": 0, "y": 0, "width": WIDTH, "height": HEIGHT, "scale": 1 });
        let png = driver.devtools("Page.captureScreenshot", &json!({ "format": "png", "clip": part }));
        let png = STANDARD.decode(png["data"].as_str().expect("an image")).expect("base 64");
        assert!(png.len() <= LARGEST, "{name}.png has {} bytes", png.len());
        assert_eq!(size(&png), (WIDTH, HEIGHT), "{name}.png");
        std::fs::write(folder.join(format!("{name}.png")), png).expect("written");
    }
}

/// Width and height of an image, which stand at the beginning of every PNG (its chunk IHDR).
fn size(png: &[u8]) -> (u32, u32) {
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().expect("four bytes"));
    assert_eq!(&png[1..4], b"PNG");
    (number(16), number(20))
}
