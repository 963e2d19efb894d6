//! What a recorded response of the API tells of its page: when it was fetched from `status.timestamp`, which becomes a
//! slot of its own; version and currencies from the first coin.

use anyhow::{Context as _, bail, ensure};
use domain::json::{Names, each_element};
use domain::{ApiVersion, BatchId, Origin, PageMeta, Slot, timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The most currencies of a page.
const MAX_CURRENCIES: usize = 200;

/// A response, as far as it is looked into.
#[derive(Deserialize)]
struct Response<'a> {
    status: Status,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct Status {
    timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Coin<'a> {
    #[serde(borrow)]
    quote: &'a RawValue,
}

#[derive(Deserialize)]
struct Quote {
    symbol: String,
}

/// What belongs to the page of a recorded response.
pub(super) fn page_meta(response: &[u8]) -> anyhow::Result<PageMeta> {
    let response: Response<'_> = serde_json::from_slice(response).context("it is no listing of the API")?;
    let at = response.status.timestamp.context("its status has no timestamp, so its time is not known")?;
    let at = timestamp::from_text(&at).with_context(|| format!("its timestamp {at:?} is none"))?;
    let coin = match each_element(response.data, Err) {
        None => bail!("it is no listing of the API: data is not a list"),
        Some(Ok(())) => bail!("it has no coins, so its API version is not known"),
        Some(Err(coin)) => coin,
    };
    let coin: Coin<'_> = serde_json::from_str(coin.get()).context("its first coin has no quote")?;
    let quote = coin.quote.get();
    let (api_version, convert) = match quote.as_bytes().first() {
        Some(b'{') => {
            let Names::<MAX_CURRENCIES>(mut names) = serde_json::from_str(quote)?;
            names.sort_unstable();
            names.dedup();
            (ApiVersion::V1, names)
        }
        Some(b'[') => {
            let mut symbols = Vec::new();
            let read = each_element(coin.quote, |quote| {
                let quote: Quote = serde_json::from_str(quote.get()).context("a quote has no symbol")?;
                ensure!(
                    symbols.len() < MAX_CURRENCIES,
                    "its first coin has more than {MAX_CURRENCIES} quotes"
                );
                symbols.push(quote.symbol);
                Ok(())
            });
            read.unwrap_or(Ok(()))?;
            (ApiVersion::V3, symbols)
        }
        _ => bail!("its first coin has neither quotes by currency nor a list of quotes"),
    };
    ensure!(!convert.is_empty(), "its first coin has no quotes");
    let slot = Slot::at(at);
    Ok(PageMeta {
        batch: BatchId::new(slot, "listings", &convert),
        slot,
        page: 1,
        pages: 1,
        fetched_at: at,
        endpoint: "listings".to_owned(),
        api_version,
        convert,
        currency: None,
        simulated: false,
        origin: Origin::Replay,
    })
}
