//! How a caller sends its key: in a header, or in the query.

use axum::extract::Query;
use axum::http::Uri;

/// The header that carries the key.
pub(crate) const KEY_HEADER: &str = "x-cmc_pro_api_key";
/// The query parameter that may carry it instead.
pub(crate) const KEY_PARAMETER: &str = "CMC_PRO_API_KEY";

/// The query without the pair that carries the key.
pub(crate) fn without_key(query: &str) -> String {
    // The name may be percent-encoded; what decodes to it carries a key too.
    let is_key = |pair: &&str| {
        let uri = Uri::builder().path_and_query(format!("/?{pair}")).build().ok();
        let pairs = uri.and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok());
        pairs.is_none_or(|Query(pairs)| pairs.iter().any(|(name, _)| name == KEY_PARAMETER))
    };
    query.split('&').filter(|pair| !is_key(pair)).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_never_noted() {
        assert_eq!(without_key("start=1&CMC_PRO_API_KEY=secret&limit=5"), "start=1&limit=5");
        assert_eq!(without_key("CMC_PRO_API%5FKEY=secret"), "");
        assert_eq!(without_key(""), "");
    }
}
