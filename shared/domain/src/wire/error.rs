//! Why bytes are not a message of the rows queue.

use super::HEADER_BYTES;

/// Bytes that are not a message of the rows queue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Shorter than the envelope's header.
    #[error("message has {0} bytes, fewer than the {HEADER_BYTES} of the envelope")]
    TooShort(usize),
    /// The magic bytes differ.
    #[error("message does not begin with the magic bytes CMCR")]
    NotOurs,
    /// An envelope of a later version.
    #[error("envelope version {0} is not known to this version of coinpipe")]
    EnvelopeVersion(u8),
    /// A schema of a later version.
    #[error("schema {0} is not known to this version of coinpipe")]
    UnsupportedSchema(u16),
    /// A kind of the market, or a column of one, of a later version.
    #[error("{0:?} is no kind of the market, or no column of one, that this version of coinpipe knows")]
    UnsupportedKind(String),
    /// The payload is longer or shorter than the envelope says, or larger than [`MAX_PAYLOAD_BYTES`](super::MAX_PAYLOAD_BYTES).
    #[error("payload has {actual} bytes where the envelope says {declared}")]
    Length {
        /// What the envelope says.
        declared: usize,
        /// What is there.
        actual: usize,
    },
    /// The payload was damaged on the way.
    #[error("checksum of the payload does not match")]
    Checksum,
    /// The payload does not decode.
    #[error("payload does not decode: {0}")]
    Payload(String),
    /// The rows would take far more memory than rows of ours.
    #[error("payload of {0} bytes decodes to more rows than memory is kept for")]
    TooDense(usize),
    /// The payload decodes to something that makes no sense.
    #[error("payload makes no sense: {0}")]
    Senseless(&'static str),
}

impl WireError {
    /// The stable word for dead letters.
    pub fn code(&self) -> &'static str {
        match self {
            Self::EnvelopeVersion(_) | Self::UnsupportedSchema(_) | Self::UnsupportedKind(_) => {
                "unsupported_schema"
            }
            Self::TooShort(_) | Self::NotOurs => "not_a_rows_message",
            Self::Length { .. } => "wrong_length",
            Self::Checksum => "wrong_checksum",
            Self::Payload(_) => "undecodable",
            Self::TooDense(_) => "too_dense",
            Self::Senseless(_) => "senseless",
        }
    }
}
