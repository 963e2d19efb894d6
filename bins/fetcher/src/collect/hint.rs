//! What someone can do about a kind of the market that the API does not give.

use super::client::FetchError;
use crate::spool::Manifest;
use crate::subject::Subject;

const HINT: &str = "turn it off in [market], or change the plan";

/// What someone can do when `error` will not pass, and the usual `hint` is about listings.
pub(super) fn hint(order: &Manifest, error: &FetchError, hint: &'static str) -> &'static str {
    let is_about_the_request = matches!(
        error,
        FetchError::Api { code: 400 | 404 | 410 | 1006 | 4000..=4999, .. }
            | FetchError::Http { status: 400 | 404 | 410, .. }
            | FetchError::Body { .. }
            | FetchError::TooLarge { .. }
    );
    if Subject::of(order) != Subject::Listings && is_about_the_request { HINT } else { hint }
}
