//! The rows of a frame as the wire takes them.

use std::borrow::Cow;

use domain::wire::{QuoteRef, RowRef};
use domain::{Measure, MeasureSet};
use polars::prelude::{DataFrame, Float64Chunked, Int64Chunked, PolarsResult, UInt32Chunked, polars_err};

use crate::coin::ReadCoins;
use crate::schema::{self, MISSING};

/// The columns of a cleaned frame that go on the wire, and what the coins of its rows are.
pub(crate) struct Rows<'f> {
    coins: &'f ReadCoins<'f>,
    convert: &'f [String],
    numbers: Vec<&'f Float64Chunked>,
    missing: &'f UInt32Chunked,
    last_updated: &'f Int64Chunked,
}

impl<'f> Rows<'f> {
    /// The rows of `frame`, which has one for each of `coins` and each currency of `convert`.
    pub(crate) fn new(
        frame: &'f DataFrame,
        coins: &'f ReadCoins<'f>,
        convert: &'f [String],
    ) -> PolarsResult<Self> {
        Ok(Self {
            coins,
            convert,
            numbers: Measure::ALL.iter().map(|&it| schema::numbers(frame, it)).collect::<Result<_, _>>()?,
            missing: schema::whole(frame, MISSING)?,
            last_updated: schema::last_updated(frame)?,
        })
    }

    /// The coin at `position`, with its quotes.
    pub(crate) fn get(&self, position: u32) -> PolarsResult<RowRef<'f, Cow<'f, str>>> {
        let missing = || polars_err!(OutOfBounds: "the frame has no coin {position}");
        let coin = self.coins.get(position).ok_or_else(missing)?;
        let description = &coin.description;
        let first = position as usize * self.convert.len();
        let quotes = (first..).zip(self.convert).map(|(row, currency)| self.quote(row, currency));
        Ok(RowRef {
            id: description.id,
            name: &description.name,
            symbol: &description.symbol,
            slug: &description.slug,
            date_added: description.date_added,
            platform_id: description.platform_id,
            platform_name: description.platform_name.as_deref(),
            token_address: description.token_address.as_deref(),
            tags: self.coins.tags(coin),
            infinite_supply: description.infinite_supply,
            is_active: description.is_active,
            quotes: quotes.collect::<Option<_>>().ok_or_else(missing)?,
        })
    }

    /// When the quotes of the coin at `position` changed, in milliseconds since 1970, in the order of the currencies.
    pub(crate) fn last_updated(&self, position: u32) -> impl Iterator<Item = Option<i64>> {
        let first = position as usize * self.convert.len();
        (first..first + self.convert.len()).map(|row| self.last_updated.get(row))
    }

    fn quote(&self, row: usize, currency: &'f str) -> Option<QuoteRef<'f>> {
        let mut numbers = [None; Measure::COUNT];
        for (number, column) in numbers.iter_mut().zip(&self.numbers) {
            *number = column.get(row);
        }
        Some(QuoteRef {
            currency,
            numbers,
            missing: MeasureSet::from_bits(self.missing.get(row)?),
            last_updated: self.last_updated.get(row)?,
        })
    }
}
