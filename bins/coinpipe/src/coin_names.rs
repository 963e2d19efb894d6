//! Which coin somebody means by a symbol, slug, name or id: one symbol in ten is shared by several.

use anyhow::bail;
use domain::Measure;
use ports::Browse;
use ports::store::{CoinQuote, MarketColumn, MarketQuery, MarketRow, MarketSort, Search, Start};

/// Coins that are looked at; no more share a symbol.
const MOST: u32 = 200;

/// Others that are listed.
const LISTED: usize = 5;

/// What a text means.
#[derive(Debug)]
pub(crate) struct Meant {
    /// The best ranked of those that are called so, or the one with this id.
    pub(crate) coin: CoinQuote,
    /// Whether the newest snapshot has it. If not, its rank is another's by now.
    pub(crate) is_listed: bool,
    /// The others that are called so, the best ranked first.
    pub(crate) others: Vec<CoinQuote>,
}

/// The coin that is called `text`, with a quote in the first of `currencies` that has one.
pub(crate) async fn meant(browse: &dyn Browse, text: &str, currencies: &[String]) -> anyhow::Result<Meant> {
    for currency in currencies {
        let found = look(browse, currency, Search::Exactly(text.to_owned()), MOST).await?;
        if let Some(meant) = choose(text, found) {
            return Ok(meant);
        }
    }
    let Some(currency) = currencies.first() else { bail!("there are no quotes yet") };
    let alike = look(browse, currency, Search::Contains(text.to_owned()), MOST).await?;
    let alike: Vec<_> = alike.into_iter().map(|row| row.coin).collect();
    if alike.is_empty() {
        bail!("no coin with a quote in {} is called {text:?}", currencies.join(" or "));
    }
    bail!("no coin is called {text:?}; there is {}", list(&alike));
}

/// The currencies that are meant: the one that was `asked` for, whatever its case, or all that there are quotes in.
pub(crate) async fn currencies(browse: &dyn Browse, asked: Option<&str>) -> anyhow::Result<Vec<String>> {
    let mut known: Vec<_> = browse.currencies().await?.into_iter().map(|it| it.currency).collect();
    let Some(asked) = asked.map(str::trim) else { return Ok(known) };
    if known.is_empty() {
        bail!("there are no quotes yet");
    }
    if let Some(place) = known.iter().position(|currency| currency.eq_ignore_ascii_case(asked)) {
        return Ok(vec![known.swap_remove(place)]);
    }
    let known = known.join(", ");
    bail!("there are no quotes in {asked}, but in {known}; fetch.convert says which are fetched")
}

/// Those of the newest snapshot come first: the others' ranks are old.
async fn look(
    browse: &dyn Browse,
    currency: &str,
    search: Search,
    limit: u32,
) -> anyhow::Result<Vec<MarketRow>> {
    let query = MarketQuery {
        currency: currency.to_owned(),
        listed_only: false,
        search: Some(search),
        sort: MarketSort { by: MarketColumn::Measure(Measure::CmcRank), descending: false },
        start: Start::Row(0),
        limit,
    };
    let mut rows = browse.market(&query).await?.rows;
    rows.sort_by_key(|row| !row.is_listed);
    Ok(rows)
}

fn choose(text: &str, found: Vec<MarketRow>) -> Option<Meant> {
    let id = text.trim().parse::<u32>().ok();
    let by_id = id.and_then(|id| found.iter().position(|row| row.coin.id == id));
    let mut found = found.into_iter();
    let MarketRow { coin, is_listed, .. } = found.nth(by_id.unwrap_or_default())?;
    let others = if by_id.is_some() { Vec::new() } else { found.map(|row| row.coin).collect() };
    Some(Meant { coin, is_listed, others })
}

/// A coin as it can be named without a doubt.
pub(crate) fn named(coin: &CoinQuote) -> String {
    let rank = coin.quote.get(Measure::CmcRank).map_or_else(String::new, |rank| format!(", rank {rank}"));
    with_more(coin, &rank)
}

/// The same of a coin that left: by its old rank it would be taken for another.
pub(crate) fn named_without_rank(coin: &CoinQuote) -> String {
    with_more(coin, "")
}

fn with_more(coin: &CoinQuote, more: &str) -> String {
    let (name, symbol) = (domain::one_line(&coin.name, 40), domain::one_line(&coin.symbol, 12));
    format!("{name} ({symbol}, id {}{more})", coin.id)
}

/// Some coins, as they can be named.
pub(crate) fn list(coins: &[CoinQuote]) -> String {
    let mut named: Vec<_> = coins.iter().take(LISTED).map(named).collect();
    if coins.len() > LISTED {
        named.push(format!("{} more", coins.len() - LISTED));
    }
    named.join(", ")
}
