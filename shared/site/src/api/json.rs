//! How quotes are written in the API: each measure by its name in the tables; null where there is none.

use domain::{Measure, Quote, timestamp};
use ports::store::CoinQuote;
use serde_json::{Map, Value, json};

use crate::context::Context;

/// The numbers of a quote that are among `measures`, and when it changed.
pub(super) fn quote(quote: &Quote, measures: &[Measure]) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("currency".to_owned(), json!(quote.currency));
    object.insert("last_updated".to_owned(), json!(timestamp::to_text(quote.last_updated)));
    for &measure in measures {
        let value = match quote.get(measure) {
            // Whole numbers from 0 to 2^32-1, held exactly.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "no count is larger, or below 0"
            )]
            Some(number) if measure.kind() == domain::Kind::Count => json!(number as u32),
            number => json!(number),
        };
        object.insert(measure.column().to_owned(), value);
    }
    object
}

/// A coin with a quote.
pub(super) fn coin(coin: &CoinQuote, measures: &[Measure]) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(coin.id));
    object.insert("symbol".to_owned(), json!(coin.symbol));
    object.insert("name".to_owned(), json!(coin.name));
    object.insert("slug".to_owned(), json!(coin.slug));
    object.extend(quote(&coin.quote, measures));
    object.insert("fetched_at".to_owned(), json!(timestamp::to_text(coin.fetched_at)));
    object.insert("batch".to_owned(), json!(coin.batch.as_str()));
    object
}

/// The address of the next page: `path` with these parameters, of which those without a value are left out.
pub(super) fn next(context: &Context, path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut to = url::form_urlencoded::Serializer::new(String::new());
    for &(name, value) in parameters {
        if let Some(value) = value {
            to.append_pair(name, value);
        }
    }
    context.href(&format!("{path}?{}", to.finish()))
}
