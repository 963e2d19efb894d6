//! Why a raw message cannot be read as a page.

use super::MAX_PAGE_BYTES;
use crate::headers::HeaderError;

/// A raw message cannot be read as a page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A header is absent or senseless.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The headers can be read, and make no sense.
    #[error("the headers make no sense: {0}")]
    Senseless(&'static str),
    /// The body is encoded in a way this version does not know.
    #[error("content-encoding is {0:?}, not \"zstd\"")]
    Encoding(String),
    /// The body is not valid zstd.
    #[error("body is not valid zstd")]
    Zstd(#[source] std::io::Error),
    /// The body decodes to more than [`MAX_PAGE_BYTES`].
    #[error("body decodes to more than {MAX_PAGE_BYTES} bytes")]
    TooLarge,
}
