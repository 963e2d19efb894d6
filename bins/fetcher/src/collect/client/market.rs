//! What is asked for beside the listings, by the description of its kind.

use domain::{Field, KindDescription, MAX_PAGE_BYTES, MarketKind, Place, Shape};
use serde_json::Value;
use serde_json::value::RawValue;

use super::envelope::{self, count_rows};
use super::error::BodyFault;
use super::{Client, FetchError, ListingsPage};

/// An object has about 15 kB, most of it the constituents of an index.
const MAX_OBJECT_BYTES: usize = 1 << 20;

impl Client {
    /// A page of `kind`: of a list `limit` rows from the number `start`, from 1; or the object, in `currency` if it is in one.
    pub(crate) async fn market(
        &self,
        kind: MarketKind,
        start: u32,
        limit: u32,
        currency: &str,
    ) -> Result<ListingsPage, FetchError> {
        let KindDescription { path, query, shape, .. } = kind.description();
        let mut url = self.source.url(path);
        let asked = query.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let asked: Vec<_> = match shape {
            Shape::Object => asked.collect(),
            Shape::ObjectPerCurrency => asked.chain([("convert", currency.to_owned())]).collect(),
            Shape::List { .. } => {
                asked.chain([("start", start.to_string()), ("limit", limit.to_string())]).collect()
            }
        };
        if !asked.is_empty() {
            url.query_pairs_mut().extend_pairs(asked);
        }
        let is_list = kind.is_list();
        let most = if is_list { MAX_PAGE_BYTES } else { MAX_OBJECT_BYTES };
        let (body, pause, simulated) = self.get(url, most).await?;
        let answer = self.success(envelope::open::<&RawValue>(&body), &body, pause)?;
        let credits = if self.source.keyless { 0 } else { answer.credits };
        let rows = if is_list {
            count_rows(answer.data)
                .and_then(|rows| if rows == 0 && start == 1 { Err(BodyFault::Hollow) } else { Ok(rows) })
        } else {
            has_all(kind, answer.data, currency).map(|()| 1)
        };
        let rows = rows.map_err(|fault| self.body_error(fault, &body))?;
        Ok(ListingsPage { body, rows, credits, total_count: None, simulated })
    }
}

/// Whether an object has what each of its kind must have. Whether that makes sense is the transformer's business.
fn has_all(kind: MarketKind, data: Option<&RawValue>, currency: &str) -> Result<(), BodyFault> {
    let data: Value = data.and_then(|data| serde_json::from_str(data.get()).ok()).ok_or(BodyFault::Hollow)?;
    let is_there = |field: &Field| match field.place {
        Place::Own(name) | Place::Within(name, _) => !data[name].is_null(),
        Place::Quote(_) => has_quote(&data["quote"], currency),
        Place::Currency | Place::Always(_) => true,
    };
    let mut required = kind.description().fields.iter().filter(|field| field.is_required);
    if required.all(is_there) { Ok(()) } else { Err(BodyFault::Hollow) }
}

/// Of a map by currency, or of a list as v3 listings have it.
fn has_quote(quotes: &Value, currency: &str) -> bool {
    match quotes {
        Value::Object(by_currency) => by_currency.get(currency).is_some_and(Value::is_object),
        Value::Array(list) => list.iter().any(|quote| quote["symbol"] == currency),
        _ => false,
    }
}
