//! The values of the rows of a [group](crate::load) of chunks.

use domain::{Kind, Measure, MeasureSet};

use super::Parameter;
use super::Parameter::{Count, Flag, Instant, Number, Text, Whole};
use super::contents::tags;
use crate::columns::{COINS, IDENTITIES};
use crate::load::LoadRow;
use crate::load::coins::{SeenCoin, SeenIdentity};

/// The row of `coin_descriptions`, in the order of [`COINS`].
pub fn coin<'a>(seen: &SeenCoin<'a>) -> [Parameter<'a>; COINS.len()] {
    let coin = seen.coin;
    [
        coin.id.into(),
        coin.symbol.as_str().into(),
        coin.name.as_str().into(),
        coin.slug.as_str().into(),
        Instant(coin.date_added),
        Count(coin.platform_id.map(u64::from)),
        Text(coin.platform_name.as_deref().map(Into::into)),
        Text(coin.token_address.as_deref().map(Into::into)),
        Text(tags(coin).map(Into::into)),
        Flag(coin.infinite_supply),
        Flag(coin.is_active),
        seen.first_seen_at.into(),
        seen.last_seen_at.into(),
    ]
}

/// The row of `coin_names`, in the order of [`IDENTITIES`].
pub fn identity<'a>(seen: &SeenIdentity<'a>) -> [Parameter<'a>; IDENTITIES.len()] {
    let coin = seen.coin;
    [
        coin.id.into(),
        coin.symbol.as_str().into(),
        coin.name.as_str().into(),
        coin.slug.as_str().into(),
        seen.first_seen_at.into(),
        seen.last_seen_at.into(),
    ]
}

/// The row of `quotes_latest`, in the order of [`latest`](crate::columns::latest). One value after the other: an array of them all
/// would be copied several times.
pub fn latest<'a>(row: &LoadRow<'a>) -> impl Iterator<Item = Parameter<'a>> + use<'a> {
    let row = *row;
    let key = [row.coin.id.into(), row.quote.currency.as_str().into()];
    let batch = row.page.batch.as_str().into();
    let last = [missing(row.quote.missing), row.last_updated().into(), row.fetched_at.into(), batch];
    key.into_iter().chain(measures(row, &Measure::ALL)).chain(last)
}

/// The row of `history`, in the order of [`history`](crate::columns::history).
pub fn history<'a>(row: &LoadRow<'a>) -> impl Iterator<Item = Parameter<'a>> + use<'a> {
    let row = *row;
    let key = [row.last_updated().into(), row.coin.id.into(), row.quote.currency.as_str().into()];
    let fetch = [row.fetched_at.into(), row.batch.into()];
    let not_sent = row.quote.missing.iter().filter(|measure| measure.is_in_history()).collect();
    key.into_iter().chain(fetch).chain(measures(row, &Measure::HISTORY)).chain([missing(not_sent)])
}

/// Zero has no sign: some tables drop it, and would not have what was written.
fn measures<'a>(row: LoadRow<'a>, measures: &'static [Measure]) -> impl Iterator<Item = Parameter<'a>> {
    measures.iter().map(move |&measure| {
        let number = row.quote.get(measure).map(|number| number + 0.0);
        if measure.kind() == Kind::Count { Whole(number) } else { Number(number) }
    })
}

fn missing<'a>(not_sent: MeasureSet) -> Parameter<'a> {
    Text(not_sent.to_column_list().map(Into::into))
}
