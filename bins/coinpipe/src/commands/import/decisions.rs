//! Which coin a symbol means, as the operator decided with `--coin`.

use std::collections::BTreeMap;

use ports::store::ListedCoin;
use service::Usage;

/// Which coins symbols mean, as the operator decided.
#[derive(Debug, Default)]
pub(super) struct Decisions(BTreeMap<String, u32>);

impl Decisions {
    /// Fails when there is no such coin.
    pub(super) fn new(given: &[(String, String)], listed: &[ListedCoin]) -> Result<Self, Usage> {
        let mut decisions = BTreeMap::new();
        for (symbol, id) in given {
            let coin = id.parse().ok().and_then(|id: u32| listed.iter().find(|coin| coin.id == id));
            let coin = coin.ok_or_else(|| {
                Usage(format!("--coin {symbol}={id}: the newest snapshot has no coin with this id"))
            })?;
            decisions.insert(folded(symbol), coin.id);
        }
        Ok(Self(decisions))
    }

    /// The id of the coin that `symbol`, as [`folded`] writes it, was said to mean.
    pub(super) fn coin_of(&self, symbol: &str) -> Option<u32> {
        self.0.get(symbol).copied()
    }
}

/// `symbol` as MySQL's usual collations compare it, and so the script's statements did: `Btc` is `BTC`.
pub(super) fn folded(symbol: &str) -> String {
    symbol.trim().to_lowercase()
}
