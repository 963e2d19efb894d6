//! The envelope around each message of the rows queue: what it is, how long, and its checksum. The module above shows it.

use super::{HEADER_BYTES, MAX_PAYLOAD_BYTES, WireError};
use crate::checksum::crc32c;

pub(super) const MAGIC: [u8; 4] = *b"CMCR";
pub(super) const ENVELOPE_VERSION: u8 = 1;

/// Fills in the header of `bytes`: their first [`HEADER_BYTES`], in front of a payload of this schema.
pub(super) fn seal(bytes: &mut [u8], schema: u16) {
    let (header, payload) = bytes.split_at_mut(HEADER_BYTES);
    let length = u32::try_from(payload.len()).expect("a chunk is far below 4 GiB");
    header[..4].copy_from_slice(&MAGIC);
    header[4] = ENVELOPE_VERSION;
    header[5..7].copy_from_slice(&schema.to_le_bytes());
    header[7..11].copy_from_slice(&length.to_le_bytes());
    header[11..15].copy_from_slice(&crc32c(payload).to_le_bytes());
}

/// The schema and the payload of `bytes`, whose length and checksum are right.
pub(super) fn open(bytes: &[u8]) -> Result<(u16, &[u8]), WireError> {
    let Some((header, payload)) = bytes.split_at_checked(HEADER_BYTES) else {
        return Err(WireError::TooShort(bytes.len()));
    };
    if header[..4] != MAGIC {
        return Err(WireError::NotOurs);
    }
    if header[4] != ENVELOPE_VERSION {
        return Err(WireError::EnvelopeVersion(header[4]));
    }
    let schema = u16::from_le_bytes([header[5], header[6]]);
    let declared = u32::from_le_bytes([header[7], header[8], header[9], header[10]]) as usize;
    if declared != payload.len() || declared > MAX_PAYLOAD_BYTES {
        return Err(WireError::Length { declared, actual: payload.len() });
    }
    if u32::from_le_bytes([header[11], header[12], header[13], header[14]]) != crc32c(payload) {
        return Err(WireError::Checksum);
    }
    Ok((schema, payload))
}
