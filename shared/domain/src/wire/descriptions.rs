//! What coins are, read once: the pages of a replay describe the same coins over and over.
//!
//! Most of a row's memory, and of the work of reading it, is texts that say what the coin is. Of a group of five pages four fifths
//! of that is the same.

use std::collections::HashMap;

use super::v1::CoinV1;
use super::{WireError, next};
use crate::coin::Coin;
use crate::shared::Shared;

/// Bytes of descriptions that are remembered, as they are on the wire; 5,000 coins have about 1 MB.
const MOST_BYTES: usize = 8 << 20;

/// How each coin was described last.
#[derive(Debug, Default)]
pub struct Descriptions {
    of: HashMap<u32, (Box<[u8]>, Shared<Coin>)>,
    bytes: usize,
}

impl Descriptions {
    /// Takes the next coin off `rest`; the one that was read before, when its bytes are the same.
    pub(super) fn next(&mut self, rest: &mut &[u8]) -> Result<Shared<Coin>, WireError> {
        let all = *rest;
        let coin: CoinV1<'_> = next(rest)?;
        let (bytes, id) = (&all[..all.len() - rest.len()], coin.id);
        if let Some((_, known)) = self.of.get(&id).filter(|(described, _)| **described == *bytes) {
            return Ok(known.clone());
        }
        let coin = Shared::from(Coin::try_from(coin)?);
        self.remember(id, bytes, &coin);
        Ok(coin)
    }

    fn remember(&mut self, id: u32, bytes: &[u8], coin: &Shared<Coin>) {
        if self.bytes + bytes.len() > MOST_BYTES {
            *self = Self::default();
        }
        self.bytes += bytes.len();
        if let Some((replaced, _)) = self.of.insert(id, (bytes.into(), coin.clone())) {
            self.bytes -= replaced.len();
        }
    }
}
