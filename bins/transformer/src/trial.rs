//! What a page would become, without making it: for whoever changed one by hand.

use chrono::{DateTime, Utc};
use domain::{Headers, MarketKind, PageMeta, decompress_body};

use crate::clean::clean;
use crate::fault::PageFault;
use crate::market;
use crate::reject::Reject;

/// What would become of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// Coins, or rows of a kind, that pass.
    pub passed: usize,
    /// How many do not.
    pub rejected: usize,
    /// The first of those; a kind of the market tells none.
    pub rejects: Vec<Reject>,
}

/// Rejects that are told.
const TOLD: usize = 10;

/// Cleans the page with these `headers` and this compressed `body`, as the transformer does, and keeps nothing of it.
pub fn trial(headers: &Headers, body: &[u8], now: DateTime<Utc>) -> Result<Trial, PageFault> {
    let meta = PageMeta::from_headers(headers)?;
    let body = decompress_body(body)?;
    if let Some(kind) = MarketKind::of_endpoint(&meta.endpoint) {
        let cleaned = market::clean(kind, &meta, &body, now)?;
        return Ok(Trial { passed: cleaned.passed(), rejected: cleaned.rejected(), rejects: Vec::new() });
    }
    let cleaned = clean(&meta, &body, now)?;
    let mut rejects = cleaned.rejects;
    let rejected = rejects.len();
    rejects.truncate(TOLD);
    Ok(Trial { passed: cleaned.passed.len(), rejected, rejects })
}

#[cfg(test)]
mod tests {
    use domain::compress_body;

    use super::*;
    use crate::test_page::{meta, now};

    #[test]
    fn a_page_is_tried_as_the_transformer_would_clean_it() {
        let try_it = |body: &str| {
            let page = meta().to_message(compress_body(body.as_bytes()));
            trial(&page.headers, &page.body, now())
        };
        let tried = try_it(r#"{"data": [{"id": 1}]}"#).expect("a listing");
        assert_eq!((tried.passed, tried.rejected, tried.rejects.len()), (0, 1, 1));
        assert_eq!(try_it("{").map_err(|fault| fault.code()), Err("bad_json"));
        let page = meta().to_message(b"not zstd".to_vec());
        assert_eq!(
            trial(&page.headers, &page.body, now()).map_err(|fault| fault.code()),
            Err("bad_encoding")
        );
        let refused = trial(&Headers::new(), &page.body, now());
        assert_eq!(refused.map_err(|fault| fault.code()), Err("bad_header"));
    }
}
