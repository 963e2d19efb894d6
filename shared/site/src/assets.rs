//! What views load: style and scripts, in the binary, compressed once. Their names have a hash of what they hold, so a browser keeps
//! them for good.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::Compression;
use sha2::{Digest, Sha256};

use crate::compress::{gzip, takes_gzip};
use crate::context::Context;
use crate::trouble::Trouble;

/// For a year, which is as good as for ever.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

struct Asset {
    name: &'static str,
    /// Its name with the hash, such as `site.0123456789ab.css`.
    hashed: String,
    kind: &'static str,
    content: &'static [u8],
    compressed: Bytes,
}

impl Asset {
    fn new(name: &'static str, content: &'static [u8]) -> Self {
        let hash = Sha256::digest(content).iter().take(6).fold(String::new(), |mut text, byte| {
            // A `String` takes all that is written.
            let _ = write!(text, "{byte:02x}");
            text
        });
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        let kind = match ending {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            _ => "application/octet-stream",
        };
        let compressed = gzip(content, Compression::best());
        Self { name, hashed: format!("{stem}.{hash}.{ending}"), kind, content, compressed }
    }
}

static ASSETS: LazyLock<[Asset; 6]> = LazyLock::new(|| {
    [
        Asset::new("fresh.js", include_bytes!("../assets/fresh.js")),
        Asset::new("icon.svg", include_bytes!("../assets/icon.svg")),
        Asset::new("site.css", include_bytes!("../assets/site.css")),
        Asset::new("site.js", include_bytes!("../assets/site.js")),
        Asset::new("uplot.css", include_bytes!("../assets/uplot-1.6.32/uPlot.min.css")),
        Asset::new("uplot.js", include_bytes!("../assets/uplot-1.6.32/uPlot.iife.min.js")),
    ]
});

/// Where the asset `name` is, without the base path.
pub(crate) fn path(name: &str) -> String {
    let hashed = ASSETS.iter().find(|asset| asset.name == name).map_or(name, |asset| &asset.hashed);
    format!("/assets/{hashed}")
}

pub(crate) fn routes() -> Router<Context> {
    Router::new().route("/assets/{name}", get(asset))
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.hashed == name) else {
        return Trouble::NotFound("there is no such asset".to_owned()).into_response();
    };
    let about = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, FOR_EVER),
        (header::VARY, "accept-encoding"),
    ];
    if takes_gzip(&headers) {
        return (about, [(header::CONTENT_ENCODING, "gzip")], asset.compressed.clone()).into_response();
    }
    (about, asset.content).into_response()
}
