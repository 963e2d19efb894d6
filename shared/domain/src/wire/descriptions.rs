//! What coins are, read once: the pages of a replay describe the same coins over and over.
//!
//! Most of a row's memory, and of the work of reading it, is texts that say what the coin is. Of a group of five pages four fifths
//! of that is the same.

use std::collections::HashMap;

use serde::Deserialize;

use super::v1::CoinV1;
use super::v2::CoinV2;
use super::{SCHEMA_CHUNK_V2, WireError, next};
use crate::coin::Coin;
use crate::shared::Shared;

/// Bytes of descriptions that are remembered, as they are on the wire; 5,000 coins have about 1 MB.
const MOST_BYTES: usize = 8 << 20;

/// How each coin was described last.
#[derive(Debug, Default)]
pub struct Descriptions {
    /// By schema, as equal bytes need not say the same in two, and by id.
    of: HashMap<(u16, u32), Description>,
    bytes: usize,
}

#[derive(Debug)]
struct Description {
    bytes: Box<[u8]>,
    coin: Shared<Coin>,
}

impl Descriptions {
    /// Takes the next coin off `rest`; the one that was read before, when its bytes are the same.
    pub(super) fn next(&mut self, schema: u16, rest: &mut &[u8]) -> Result<Shared<Coin>, WireError> {
        if schema == SCHEMA_CHUNK_V2 {
            self.next_as::<CoinV2<'_>>(schema, rest, |coin| coin.id)
        } else {
            self.next_as::<CoinV1<'_>>(schema, rest, |coin| coin.id)
        }
    }

    fn next_as<'a, C>(
        &mut self,
        schema: u16,
        rest: &mut &'a [u8],
        id: fn(&C) -> u32,
    ) -> Result<Shared<Coin>, WireError>
    where
        C: Deserialize<'a> + TryInto<Coin, Error = WireError>,
    {
        let all = *rest;
        let coin: C = next(rest)?;
        let (key, bytes) = ((schema, id(&coin)), &all[..all.len() - rest.len()]);
        if let Some(known) = self.of.get(&key).filter(|known| *known.bytes == *bytes) {
            return Ok(known.coin.clone());
        }
        let coin = Shared::from(coin.try_into()?);
        self.remember(key, bytes, &coin);
        Ok(coin)
    }

    fn remember(&mut self, key: (u16, u32), bytes: &[u8], coin: &Shared<Coin>) {
        if self.bytes + bytes.len() > MOST_BYTES {
            *self = Self::default();
        }
        self.bytes += bytes.len();
        let described = Description { bytes: bytes.into(), coin: coin.clone() };
        if let Some(replaced) = self.of.insert(key, described) {
            self.bytes -= replaced.bytes.len();
        }
    }
}
