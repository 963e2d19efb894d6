//! The fields of a listing that are known, of both versions of the API, and of what type they are.

use super::shape::Kind::{self, Flag, List, Number, Object, Text};

/// A field, the types it may have besides null, and whether every listing has it.
pub(super) type Known = (&'static str, &'static [Kind], bool);

/// Those of a coin, and after `quote.` those of its quotes.
pub(super) const FIELDS: &[Known] = &[
    ("id", &[Number], true),
    ("name", &[Text], true),
    ("symbol", &[Text], true),
    ("slug", &[Text], true),
    ("num_market_pairs", &[Number], true),
    ("date_added", &[Text], true),
    ("tags", &[List], true),
    ("max_supply", &[Number], true),
    ("circulating_supply", &[Number], true),
    ("total_supply", &[Number], true),
    ("infinite_supply", &[Flag], true),
    ("platform", &[Object], true),
    ("cmc_rank", &[Number], true),
    ("self_reported_circulating_supply", &[Number], false),
    ("self_reported_market_cap", &[Number], false),
    ("tvl_ratio", &[Number], false),
    ("last_updated", &[Text], true),
    ("quote", &[Object, List], true),
    // "not_available" has been seen.
    ("minted_market_cap", &[Number, Text], false),
    ("is_active", &[Number, Flag], false),
    ("is_fiat", &[Number, Flag], false),
    ("is_market_cap_included_in_calc", &[Number, Flag], false),
    ("unlocked_circulating_supply", &[Number], false),
    ("unlocked_market_cap", &[Number], false),
    ("quote.price", &[Number], true),
    ("quote.volume_24h", &[Number], true),
    ("quote.volume_change_24h", &[Number], true),
    ("quote.percent_change_1h", &[Number], true),
    ("quote.percent_change_24h", &[Number], true),
    ("quote.percent_change_7d", &[Number], true),
    ("quote.percent_change_30d", &[Number], true),
    ("quote.percent_change_60d", &[Number], true),
    ("quote.percent_change_90d", &[Number], true),
    ("quote.market_cap", &[Number], true),
    ("quote.market_cap_dominance", &[Number], true),
    ("quote.fully_diluted_market_cap", &[Number], true),
    ("quote.tvl", &[Number], false),
    ("quote.last_updated", &[Text], true),
    ("quote.id", &[Number], false),
    ("quote.symbol", &[Text], false),
    ("quote.name", &[Text], false),
    ("quote.cex_volume_24h", &[Number], false),
    ("quote.dex_volume_24h", &[Number], false),
    ("quote.minted_market_cap", &[Number, Text], false),
    ("quote.market_cap_by_total_supply", &[Number], false),
    ("quote.volume_24h_reported", &[Number], false),
    ("quote.volume_7d", &[Number], false),
    ("quote.volume_7d_reported", &[Number], false),
    ("quote.volume_30d", &[Number], false),
    ("quote.volume_30d_reported", &[Number], false),
];

/// The types that `field` may have; `None` for a field that is not known.
pub(super) fn kinds(field: &str) -> Option<&'static [Kind]> {
    FIELDS.iter().find(|(name, ..)| *name == field).map(|(_, kinds, _)| *kinds)
}
