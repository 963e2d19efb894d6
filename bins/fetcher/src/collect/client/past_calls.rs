//! The calls that ask for the past.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{MAX_PAGE_BYTES, Slot, timestamp};
use serde_json::value::RawValue;

use super::{BodyFault, Client, FetchError, ListingsPage, envelope};
use crate::history::PastQuotes;

/// All that there is and that the tables have a column for, named so that a change of the API's default changes nothing.
const AUX: &str = "price,volume,market_cap,circulating_supply,total_supply,quote_timestamp,is_active";

impl Client {
    /// The quotes of the coins `ids` in the currencies `convert` at the hours from `first` to `last`.
    pub(crate) async fn quotes_historical(
        &self,
        ids: &[u32],
        (first, last): (Slot, Slot),
        convert: &[String],
    ) -> Result<PastQuotes, FetchError> {
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        let (first, last) = (first.starts_at(), last.starts_at());
        let hours = (last - first).num_hours() + 1;
        // The begin is exclusive. The first quote of an hour may be minutes after its beginning.
        let (after, until) = (first - TimeDelta::seconds(1), last + TimeDelta::minutes(59));
        let mut url = self.source.url("v3/cryptocurrency/quotes/historical");
        url.query_pairs_mut()
            .append_pair("id", &ids.join(","))
            .append_pair("time_start", &whole_seconds(after))
            .append_pair("time_end", &whole_seconds(until))
            .append_pair("interval", "hourly")
            .append_pair("count", &hours.to_string())
            .append_pair("convert", &convert.join(","))
            .append_pair("aux", AUX);
        let (body, pause, simulated) = self.get(url, MAX_PAGE_BYTES).await?;
        let answer = self.success(envelope::open::<&RawValue>(&body), &body, pause)?;
        let data = answer.data.ok_or_else(|| self.body_error(BodyFault::NoData, &body))?;
        let past = PastQuotes::read(data, answer.credits, simulated);
        past.ok_or_else(|| self.body_error(BodyFault::DataNotArray, &body))
    }

    /// `limit` coins from rank `start` (from 1) as they were at the end of the UTC day `day`.
    pub(crate) async fn listings_historical(
        &self,
        day: NaiveDate,
        start: u32,
        limit: u32,
        convert: &[String],
    ) -> Result<ListingsPage, FetchError> {
        let mut url = self.source.url("v1/cryptocurrency/listings/historical");
        url.query_pairs_mut()
            .append_pair("date", &day.to_string())
            .append_pair("start", &start.to_string())
            .append_pair("limit", &limit.to_string())
            .append_pair("convert", &convert.join(","));
        self.listing_at(url).await
    }
}

fn whole_seconds(at: DateTime<Utc>) -> String {
    timestamp::to_text(at).replace(".000Z", "Z")
}
