//! The kinds, each with all that tells it from the others.

use std::time::Duration;

use super::field::{Field, Form, Place};
use super::{KindDescription, Shape};

pub(super) const MAP: KindDescription = KindDescription {
    endpoint: "map",
    setting: "map",
    path: "v1/cryptocurrency/map",
    // By id: coins that come and go meanwhile push no other from one page to the next.
    query: &[("listing_status", "active,inactive"), ("sort", "id")],
    shape: Shape::List { page_size: 5000, most: 100_000 },
    credits: 0,
    refreshed_every: Duration::from_mins(1),
    table: "coin_map",
    fields: &[
        key("coin_id", Place::Own("id"), Form::Id),
        required("symbol", Place::Own("symbol"), Form::Text),
        required("name", Place::Own("name"), Form::Text),
        required("slug", Place::Own("slug"), Form::Text),
        optional("cmc_rank", Place::Own("rank"), COUNT),
        own("is_active", Form::Flag),
        own("first_historical_data", Form::Instant),
        own("last_historical_data", Form::Instant),
        // Not its id, which is another one here than in the listings.
        optional("platform", Place::Within("platform", "name"), Form::Text),
        optional("token_address", Place::Within("platform", "token_address"), Form::Text),
    ],
};

pub(super) const GLOBAL_METRICS: KindDescription = KindDescription {
    endpoint: "global",
    setting: "global_metrics",
    path: "v1/global-metrics/quotes/latest",
    query: &[],
    shape: Shape::ObjectPerCurrency,
    credits: 1,
    refreshed_every: Duration::from_mins(5),
    table: "global_metrics",
    fields: &[
        key("last_updated", Place::Own("last_updated"), Form::Instant),
        key("currency", Place::Currency, Form::Text),
        required("total_market_cap", Place::Quote("total_market_cap"), Form::Money),
        quoted("total_volume_24h", Form::Money),
        quoted("total_volume_24h_reported", Form::Money),
        quoted("altcoin_market_cap", Form::Money),
        quoted("altcoin_volume_24h", Form::Money),
        quoted("altcoin_volume_24h_reported", Form::Money),
        quoted("defi_market_cap", Form::Money),
        quoted("defi_volume_24h", Form::Money),
        quoted("stablecoin_market_cap", Form::Money),
        quoted("stablecoin_volume_24h", Form::Money),
        quoted("derivatives_volume_24h", Form::Money),
        own("btc_dominance", Form::Percent),
        own("eth_dominance", Form::Percent),
        own("defi_24h_percentage_change", Form::Percent),
        own("stablecoin_24h_percentage_change", Form::Percent),
        own("derivatives_24h_percentage_change", Form::Percent),
        own("active_cryptocurrencies", COUNT),
        own("total_cryptocurrencies", COUNT),
        own("active_market_pairs", COUNT),
        own("active_exchanges", COUNT),
        own("total_exchanges", COUNT),
    ],
};

pub(super) const FEAR_AND_GREED: KindDescription = KindDescription {
    endpoint: "fear-and-greed",
    setting: "fear_and_greed",
    path: "v3/fear-and-greed/latest",
    query: &[],
    shape: Shape::Object,
    credits: 1,
    refreshed_every: Duration::from_mins(15),
    table: "fear_and_greed",
    fields: &[
        key("update_time", Place::Own("update_time"), Form::Instant),
        required("value", Place::Own("value"), Form::Count(100)),
        own("value_classification", Form::Text),
    ],
};

pub(super) const CMC100: KindDescription = KindDescription {
    endpoint: "cmc100",
    setting: "cmc100",
    path: "v3/index/cmc100-latest",
    query: &[],
    shape: Shape::Object,
    credits: 1,
    refreshed_every: Duration::from_mins(5),
    table: "market_indexes",
    fields: &[
        key("index_name", Place::Always("cmc100"), Form::Text),
        key("last_update", Place::Own("last_update"), Form::Instant),
        required("value", Place::Own("value"), Form::Number),
        own("value_24h_percentage_change", Form::Percent),
        own("next_update", Form::Instant),
        own("constituents", Form::Json),
    ],
};

const COUNT: Form = Form::Count(u32::MAX);

const fn key(column: &'static str, place: Place, form: Form) -> Field {
    Field { column, place, form, is_key: true, is_required: true }
}

const fn required(column: &'static str, place: Place, form: Form) -> Field {
    Field { column, place, form, is_key: false, is_required: true }
}

const fn own(column: &'static str, form: Form) -> Field {
    Field { column, place: Place::Own(column), form, is_key: false, is_required: false }
}

const fn quoted(column: &'static str, form: Form) -> Field {
    Field { column, place: Place::Quote(column), form, is_key: false, is_required: false }
}

const fn optional(column: &'static str, place: Place, form: Form) -> Field {
    Field { column, place, form, is_key: false, is_required: false }
}
