//! A coin as its quotes are at one minute.

use super::coin::Coin;
use super::number::percent;
use super::walk::Minute;

/// What a row shows that depends on the time, in dollars: price, market cap, volume and rank.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CoinState<'m> {
    pub(crate) coin: &'m Coin,
    pub(crate) minute: Minute,
    pub(crate) price: f64,
    pub(crate) cap: f64,
    pub(crate) volume: f64,
    pub(crate) rank: usize,
}

impl<'m> CoinState<'m> {
    /// The coin as its quotes are at `now`: one or two minutes old.
    pub(crate) fn at(coin: &'m Coin, now: Minute) -> Self {
        let minute = now.back(coin.lag);
        let price = coin.price.at(minute);
        Self { coin, minute, price, cap: price * coin.circulating, volume: coin.volume.at(minute), rank: 0 }
    }

    /// Percent that the price has moved in the last `minutes`, in dollars.
    pub(crate) fn change(&self, minutes: i32) -> f64 {
        percent(self.price, self.coin.price.at(self.minute.back(minutes)), 8)
    }
}
