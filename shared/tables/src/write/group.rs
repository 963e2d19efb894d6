//! The values of the rows of a [group](crate::group) of chunks.

use domain::{Kind, Measure, timestamp};

use super::Parameter;
use super::Parameter::{Count, Flag, Instant, Number, Text, Whole};
use super::contents::tags;
use crate::columns::{COINS, IDENTITIES, QUOTES};
use crate::group::GroupRow;
use crate::group::coins::{SeenCoin, SeenIdentity};

/// The row of `coins`, in the order of [`COINS`].
pub fn coin<'a>(seen: &SeenCoin<'a>) -> [Parameter<'a>; COINS.len()] {
    let coin = seen.coin;
    [
        coin.id.into(),
        coin.symbol.as_str().into(),
        coin.name.as_str().into(),
        coin.slug.as_str().into(),
        Instant(coin.date_added),
        Count(coin.platform_id.map(u64::from)),
        Text(coin.token_address.as_deref().map(Into::into)),
        Text(tags(coin).map(Into::into)),
        Flag(coin.infinite_supply),
        Flag(coin.is_active),
        seen.first_seen_at.into(),
        seen.last_seen_at.into(),
    ]
}

/// The row of `coin_identities`, in the order of [`IDENTITIES`].
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

/// The row of `quotes_latest` or `quotes_history`, in the order of [`quotes`](crate::columns::quotes). Zero has no sign: some
/// tables drop it, and would not have what was written.
pub fn quote<'a>(row: &GroupRow<'a>) -> [Parameter<'a>; QUOTES] {
    let quote = row.quote;
    let key = [row.coin.id.into(), quote.currency.as_str().into()];
    let measures = Measure::ALL.map(|measure| {
        let number = quote.get(measure).map(|number| number + 0.0);
        if measure.kind() == Kind::Count { Whole(number) } else { Number(number) }
    });
    let rest = [
        Text(quote.missing.to_column_list().map(Into::into)),
        timestamp::to_millis(quote.last_updated).into(),
        row.fetched_at.into(),
        row.page.batch.as_str().into(),
    ];
    let mut values = key.into_iter().chain(measures).chain(rest);
    std::array::from_fn(|_| values.next().unwrap_or(Text(None)))
}
