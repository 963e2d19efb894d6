//! Builds the frame out of the coins that could be read.

use domain::{CoinRow, Measure, Quote};
use polars::prelude::{Column, DataFrame, DataType, PolarsResult};

use crate::schema::{CURRENCY, ID, LAST_UPDATED, MISSING, POSITION, REASON, REJECTED_BY};

/// One row for each quote of each coin, in order.
pub(crate) fn build(coins: &[CoinRow]) -> PolarsResult<DataFrame> {
    let height = rows(coins).count();
    let whole = |name: &str, number: fn(Row) -> u32| {
        Column::new(name.into(), rows(coins).map(number).collect::<Vec<u32>>())
    };
    let last_updated: Vec<i64> = rows(coins).map(|row| row.quote.last_updated.timestamp_millis()).collect();
    let mut columns = vec![
        whole(POSITION, |row| row.position),
        whole(CURRENCY, |row| row.currency),
        whole(ID, |row| row.coin.coin.id),
        Column::new(LAST_UPDATED.into(), last_updated),
        whole(MISSING, |row| row.quote.missing.bits()),
    ];
    columns.extend(Measure::ALL.map(|measure| {
        let numbers: Vec<Option<f64>> = rows(coins).map(|row| row.quote.get(measure)).collect();
        Column::new(measure.column().into(), numbers)
    }));
    columns.push(Column::full_null(REJECTED_BY.into(), height, &DataType::UInt32));
    columns.push(Column::full_null(REASON.into(), height, &DataType::String));
    DataFrame::new(height, columns)
}

/// What one row of the frame is made of.
struct Row<'a> {
    position: u32,
    currency: u32,
    coin: &'a CoinRow,
    quote: &'a Quote,
}

fn rows(coins: &[CoinRow]) -> impl Iterator<Item = Row<'_>> {
    (0..).zip(coins).flat_map(|(position, coin)| {
        (0..).zip(&coin.quotes).map(move |(currency, quote)| Row { position, currency, coin, quote })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;
    use crate::test_page::{TestCoin, rows};

    #[test]
    fn the_frame_is_as_declared_and_keeps_null_apart_from_zero() {
        let coins = rows(&[
            TestCoin::new(1).set("max_supply", "0"),
            TestCoin::new(2).set("max_supply", "null"),
            TestCoin::new(3).remove("max_supply"),
        ]);
        let frame = build(&coins).unwrap();
        schema::check(&frame).unwrap();
        let supplies: Vec<_> = schema::numbers(&frame, Measure::MaxSupply).unwrap().iter().collect();
        assert_eq!(supplies, [Some(0.0), None, None]);
        let missing: Vec<_> = schema::whole(&frame, MISSING).unwrap().iter().map(Option::unwrap).collect();
        assert_eq!(missing, [0, 0, 1 << Measure::MaxSupply as u8]);
    }

    #[test]
    fn no_coins_give_an_empty_frame_of_the_same_shape() {
        let frame = build(&[]).unwrap();
        schema::check(&frame).unwrap();
        assert_eq!(frame.height(), 0);
    }
}
