//! A response of the API as it would be recorded: three coins, of our own making.

/// Ids and symbols are CoinMarketCap's; the numbers are made up.
pub fn response() -> String {
    let coins = [(1, "Bitcoin", "BTC"), (1027, "Ethereum", "ETH"), (825, "Tether USDt", "USDT")];
    let coins: Vec<_> =
        (1..).zip(coins).map(|(rank, (id, name, symbol))| coin(id, name, symbol, rank)).collect();
    let status = r#"{"timestamp":"2026-11-22T14:00:30.000Z","error_code":0,"error_message":"","elapsed":1,"credit_count":1}"#;
    format!(r#"{{"data":[{}],"status":{status}}}"#, coins.join(","))
}

fn coin(id: u32, name: &str, symbol: &str, rank: u32) -> String {
    format!(
        r#"{{"id":{id},"name":"{name}","symbol":"{symbol}","slug":"{slug}","cmc_rank":{rank},"num_market_pairs":9,
        "tags":[],"date_added":"2013-04-28T00:00:00.000Z","max_supply":null,"circulating_supply":5,"total_supply":5,
        "infinite_supply":false,"platform":null,"last_updated":"2026-11-22T14:00:00.000Z","quote":[{{"symbol":"USD",
        "price":{id}.5,"volume_24h":2e6,"volume_change_24h":0,"percent_change_1h":0.1,"percent_change_24h":1,
        "percent_change_7d":2,"percent_change_30d":3,"percent_change_60d":4,"percent_change_90d":5,"market_cap":1e9,
        "market_cap_dominance":1,"fully_diluted_market_cap":1e9,"last_updated":"2026-11-22T14:00:00.000Z"}}]}}"#,
        slug = name.to_lowercase().replace(' ', "-"),
    )
}
