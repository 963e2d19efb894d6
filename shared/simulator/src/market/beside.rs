//! The market beside its listings: the map of its coins, its metrics, how it feels, and its index. All follow from the coins.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use domain::MarketKind;

use super::Market;
use super::number::{Number, percent, rounded};
use super::row::json::{Object, Quoted};
use super::row::platform;
use super::state::CoinState;
use super::walk::Minute;
use crate::currency::Currency;
use crate::listing_page::ListingPage;
use crate::query::MarketQuery;

const DAY: i32 = 1_440;
const BITCOIN: u32 = 1;
const ETHER: u32 = 1_027;
/// Coins that CoinMarketCap had once: one for every ten that it has, with ids beyond those.
const FIRST_INACTIVE: u32 = 1_000_001;
/// Coins in the index.
const CONSTITUENTS: usize = 100;

impl Market {
    /// What `query` asks for: rows, or one.
    pub(crate) fn about(
        &self,
        kind: MarketKind,
        query: &MarketQuery,
        now: DateTime<Utc>,
        vanished: &[u32],
    ) -> ListingPage {
        let minute = Minute::of(now);
        let rows = match kind {
            MarketKind::Map => return self.map(query, minute, vanished),
            MarketKind::GlobalMetrics => self.global(query, minute.floor(5), vanished),
            MarketKind::FearAndGreed => self.feeling(minute.floor(15)),
            MarketKind::Cmc100 => self.index(minute.floor(5), vanished),
        };
        ListingPage { rows: vec![rows], total_count: Some(1) }
    }

    fn map(&self, query: &MarketQuery, minute: Minute, vanished: &[u32]) -> ListingPage {
        let mut active = self.ranked(minute, vanished);
        if query.by_id {
            active.sort_by_key(|state| state.coin.id);
        }
        let mut rows = Vec::new();
        if query.active {
            rows.extend(active.iter().map(mapped));
        }
        if query.inactive {
            let ids = (FIRST_INACTIVE..).take(self.coins.len() / 10).filter(|id| !vanished.contains(id));
            rows.extend(ids.map(former));
        }
        ListingPage { rows: query.slice(&rows).to_vec(), total_count: Some(rows.len()) }
    }

    fn global(&self, query: &MarketQuery, minute: Minute, vanished: &[u32]) -> String {
        let now = Sums::of(&self.ranked(minute, vanished));
        let then = Sums::of(&self.ranked(minute.back(DAY), vanished));
        let count = self.coins.len() - vanished.len().min(self.coins.len());
        let mut json = String::new();
        let mut data = Object::open(&mut json);
        data.field("active_cryptocurrencies", count);
        data.field("total_cryptocurrencies", count + self.coins.len() / 10);
        data.field("active_market_pairs", now.pairs);
        data.field("active_exchanges", 873);
        data.field("total_exchanges", 9_412);
        let share = |part: f64| Number(part / now.cap.max(1.0) * 100.0);
        data.field("btc_dominance", share(now.bitcoin));
        data.field("eth_dominance", share(now.ether));
        data.field("defi_24h_percentage_change", Number(percent(now.defi_volume, then.defi_volume, 8)));
        data.field(
            "stablecoin_24h_percentage_change",
            Number(percent(now.stable_volume, then.stable_volume, 8)),
        );
        data.field("derivatives_24h_percentage_change", Number(percent(now.volume, then.volume, 8)));
        data.key("quote");
        data.out.push('{');
        for (index, currency) in query.converts.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let _ = write!(data.out, "{comma}\"{}\":", currency.symbol);
            self.global_quote(data.out, &now, currency, minute);
        }
        data.out.push('}');
        data.field("last_updated", Quoted(&minute.to_text()));
        data.close();
        json
    }

    fn global_quote(&self, out: &mut String, sums: &Sums, currency: &Currency, minute: Minute) {
        let rate = self.per_dollar(currency, minute);
        let mut quote = Object::open(out);
        for (name, dollars) in [
            ("total_market_cap", sums.cap),
            ("total_volume_24h", sums.volume),
            ("total_volume_24h_reported", sums.volume * 1.3),
            ("altcoin_volume_24h", sums.volume - sums.bitcoin_volume),
            ("altcoin_volume_24h_reported", (sums.volume - sums.bitcoin_volume) * 1.3),
            ("altcoin_market_cap", sums.cap - sums.bitcoin),
            ("defi_volume_24h", sums.defi_volume),
            ("defi_market_cap", sums.defi),
            ("stablecoin_volume_24h", sums.stable_volume),
            ("stablecoin_market_cap", sums.stable),
            ("derivatives_volume_24h", sums.volume * 7.5),
        ] {
            quote.field(name, Number(dollars * rate));
        }
        quote.field("last_updated", Quoted(&minute.to_text()));
        quote.close();
    }

    /// Greedy when bitcoin has risen within a week, fearful when it has fallen.
    fn feeling(&self, minute: Minute) -> String {
        let bitcoin = self.coins.iter().find(|coin| coin.id == BITCOIN);
        let rise = bitcoin.map_or(0.0, |coin| CoinState::at(coin, minute).change(7 * DAY));
        let value = (50.0 + 2.0 * rise).clamp(1.0, 99.0).round();
        let feeling = match value {
            ..20.0 => "Extreme fear",
            ..40.0 => "Fear",
            ..60.0 => "Neutral",
            ..80.0 => "Greed",
            _ => "Extreme greed",
        };
        let mut json = String::new();
        let mut data = Object::open(&mut json);
        data.field("value", Number(value));
        data.text("value_classification", feeling);
        data.field("update_time", Quoted(&minute.to_text()));
        data.close();
        json
    }

    fn index(&self, minute: Minute, vanished: &[u32]) -> String {
        let largest = self.largest(minute, vanished);
        let cap = |states: &[CoinState<'_>]| states.iter().map(|state| state.cap).sum::<f64>();
        let (now, then) = (cap(&largest), cap(&self.largest(minute.back(DAY), vanished)));
        let mut json = String::new();
        let mut data = Object::open(&mut json);
        data.field("value", Number(rounded(now / 1e10, 4)));
        data.field("value_24h_percentage_change", Number(percent(now, then, 4)));
        data.field("last_update", Quoted(&minute.to_text()));
        data.field("next_update", Quoted(&minute.back(-5).to_text()));
        data.key("constituents");
        data.out.push('[');
        for (index, CoinState { coin, cap, .. }) in largest.iter().enumerate() {
            if index > 0 {
                data.out.push(',');
            }
            let mut constituent = Object::open(data.out);
            constituent.field("id", coin.id);
            constituent.text("name", &coin.name);
            constituent.text("symbol", &coin.symbol);
            constituent.text("url", &format!("https://coinmarketcap.com/currencies/{}/", coin.slug));
            constituent.field("weight", Number(rounded(cap / now.max(1.0) * 100.0, 6)));
            constituent.close();
        }
        data.out.push(']');
        data.close();
        json
    }

    fn largest(&self, minute: Minute, vanished: &[u32]) -> Vec<CoinState<'_>> {
        let mut states = self.ranked(minute, vanished);
        states.sort_by_key(|state| state.rank);
        states.truncate(CONSTITUENTS);
        states
    }
}

/// Sums over all coins, in dollars.
#[derive(Default)]
struct Sums {
    cap: f64,
    volume: f64,
    bitcoin: f64,
    bitcoin_volume: f64,
    ether: f64,
    defi: f64,
    defi_volume: f64,
    stable: f64,
    stable_volume: f64,
    pairs: u64,
}

impl Sums {
    fn of(states: &[CoinState<'_>]) -> Self {
        states.iter().fold(Self::default(), |mut sums, CoinState { coin, cap, volume, .. }| {
            sums.cap += cap;
            sums.volume += volume;
            sums.pairs += u64::from(coin.market_pairs);
            if coin.id == BITCOIN {
                (sums.bitcoin, sums.bitcoin_volume) = (*cap, *volume);
            } else if coin.id == ETHER {
                sums.ether = *cap;
            }
            if coin.tags.contains("\"stablecoin\"") {
                sums.stable += cap;
                sums.stable_volume += volume;
            } else if coin.tags.contains("\"defi\"") {
                sums.defi += cap;
                sums.defi_volume += volume;
            }
            sums
        })
    }
}

fn mapped(state: &CoinState<'_>) -> String {
    let coin = state.coin;
    let mut json = String::new();
    let mut row = Object::open(&mut json);
    row.field("id", coin.id);
    row.field("rank", state.rank);
    row.text("name", &coin.name);
    row.text("symbol", &coin.symbol);
    row.text("slug", &coin.slug);
    row.field("is_active", 1);
    row.field("first_historical_data", Quoted(&coin.date_added));
    row.field("last_historical_data", Quoted(&state.minute.to_text()));
    row.field("platform", platform(coin));
    row.close();
    json
}

fn former(id: u32) -> String {
    let number = id - FIRST_INACTIVE + 1;
    format!(
        r#"{{"id":{id},"rank":null,"name":"Former Coin {number}","symbol":"FORMER{number}","slug":"former-coin-{number}","is_active":0,"first_historical_data":null,"last_historical_data":null,"platform":null}}"#
    )
}
