//! Builds the frame, column by column, while the coins are read.

use domain::{Measure, MeasureSet, Quote};
use polars::prelude::{
    ChunkedArray, ChunkedBuilder, Column, DataFrame, DataType, Float64Type, Int64Type, IntoColumn,
    IntoSeries, PolarsNumericType, PolarsResult, PrimitiveChunkedBuilder, UInt32Type,
};

use crate::schema::{CURRENCY, ID, LAST_UPDATED, MISSING, POSITION, REASON, REJECTED_BY};

/// The numbers of a coin in one currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct QuoteNumbers {
    /// Indexed by [`Measure`].
    pub(crate) numbers: [Option<f64>; Measure::COUNT],
    /// The measures that were not sent.
    pub(crate) missing: MeasureSet,
    /// In milliseconds since 1970.
    pub(crate) last_updated: i64,
}

impl From<&Quote> for QuoteNumbers {
    fn from(quote: &Quote) -> Self {
        Self {
            numbers: quote.numbers,
            missing: quote.missing,
            last_updated: quote.last_updated.timestamp_millis(),
        }
    }
}

/// The columns of the frame, as far as they are read.
pub(crate) struct FrameBuilder {
    coins: u32,
    position: Vec<u32>,
    currency: Vec<u32>,
    id: Vec<u32>,
    last_updated: Vec<i64>,
    missing: Vec<u32>,
    measures: [PrimitiveChunkedBuilder<Float64Type>; Measure::COUNT],
}

impl FrameBuilder {
    /// Without rows.
    pub(crate) fn new() -> Self {
        let measures = Measure::ALL.map(|measure| PrimitiveChunkedBuilder::new(measure.column().into(), 0));
        Self {
            coins: 0,
            position: Vec::new(),
            currency: Vec::new(),
            id: Vec::new(),
            last_updated: Vec::new(),
            missing: Vec::new(),
            measures,
        }
    }

    /// Adds the next coin: one row for each of its quotes, in order.
    pub(crate) fn add(&mut self, id: u32, quotes: impl Iterator<Item = QuoteNumbers>) {
        for (currency, quote) in (0..).zip(quotes) {
            self.position.push(self.coins);
            self.currency.push(currency);
            self.id.push(id);
            self.last_updated.push(quote.last_updated);
            self.missing.push(quote.missing.bits());
            let measures = self.measures.iter_mut().zip(Measure::ALL);
            for ((column, measure), number) in measures.zip(quote.numbers) {
                // Here, where both ways of reading meet.
                let is_nonsense = measure.is_optional() && number.is_some_and(|number| number < 0.0);
                column.append_option(if is_nonsense { None } else { number });
            }
        }
        self.coins += 1;
    }

    /// The frame of all that was added. The columns move into it as they are.
    pub(crate) fn finish(self) -> PolarsResult<DataFrame> {
        let height = self.position.len();
        let mut columns = vec![
            column::<UInt32Type>(POSITION, self.position),
            column::<UInt32Type>(CURRENCY, self.currency),
            column::<UInt32Type>(ID, self.id),
            column::<Int64Type>(LAST_UPDATED, self.last_updated),
            column::<UInt32Type>(MISSING, self.missing),
        ];
        columns.extend(self.measures.map(|numbers| numbers.finish().into_series().into_column()));
        columns.push(Column::full_null(REJECTED_BY.into(), height, &DataType::UInt32));
        columns.push(Column::full_null(REASON.into(), height, &DataType::String));
        DataFrame::new(height, columns)
    }
}

fn column<T: PolarsNumericType>(name: &str, numbers: Vec<T::Native>) -> Column
where
    ChunkedArray<T>: IntoSeries,
{
    ChunkedArray::<T>::from_vec(name.into(), numbers).into_series().into_column()
}

/// The frame of these rows.
#[cfg(test)]
pub(crate) fn frame_of(rows: &[domain::CoinRow]) -> DataFrame {
    let mut frame = FrameBuilder::new();
    for row in rows {
        frame.add(row.coin.id, row.quotes.iter().map(QuoteNumbers::from));
    }
    frame.finish().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::rows;
    use crate::schema;
    use crate::test_page::TestCoin;

    #[test]
    fn the_frame_is_as_declared_and_keeps_null_apart_from_zero() {
        let coins = rows(&[
            TestCoin::new(1).set("max_supply", "0"),
            TestCoin::new(2).set("max_supply", "null"),
            TestCoin::new(3).remove("max_supply"),
        ]);
        let frame = frame_of(&coins);
        schema::check(&frame).unwrap();
        let supplies: Vec<_> = schema::numbers(&frame, Measure::MaxSupply).unwrap().iter().collect();
        assert_eq!(supplies, [Some(0.0), None, None]);
        let missing: Vec<_> = schema::whole(&frame, MISSING).unwrap().iter().map(Option::unwrap).collect();
        assert_eq!(missing, [0, 0, 1 << Measure::MaxSupply as u8]);
    }

    #[test]
    fn no_coins_give_an_empty_frame_of_the_same_shape() {
        let frame = frame_of(&[]);
        schema::check(&frame).unwrap();
        assert_eq!(frame.height(), 0);
    }
}
