//! Coins by id in two currencies on a plan that allows one in a request, from the API to the tables.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ports::SystemClock;
use simulator::{Options, Simulator};
use sqlkit::Client;

use crate::process::Folder;

#[tokio::test]
async fn each_currency_that_is_asked_for_alone_is_in_the_tables_of_one_complete_batch() {
    let options = Options { converts: 1, ..Options::default() };
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    let api = Simulator::start(address, options, Arc::new(SystemClock)).await.expect("an API");
    let url = api.url();
    let folder = Folder::new();
    let env = |ids| {
        [
            ("COINPIPE__FETCH__BASE_URL", url.as_str()),
            ("COINPIPE__FETCH__API_KEY", "key"),
            ("COINPIPE__FETCH__CONVERT", "USD,EUR"),
            ("COINPIPE__FETCH__IDS", ids),
            // Nobody wants to wait for an id that does not come.
            ("COINPIPE__JUDGE__TRIES", "1"),
        ]
    };
    let once = folder.run(&["--once"], &env("1,1027,825")).await.expect(0);
    assert!(once.stdout.contains("Bitcoin"), "{}", once.stdout);
    let batches = folder.run(&["batches", "--json"], &env("1,1027,825")).await.expect(0).json();
    let batch = &batches.as_array().expect("a list")[0];
    assert_eq!((&batch["complete"], &batch["credits"]), (&true.into(), &2.into()), "{batch}");
    assert_eq!(batch["convert"], serde_json::json!(["USD", "EUR"]));
    let client = Client::Sqlite(folder.0.path().join("coinpipe.db"));
    let quotes = "SELECT coin_id, currency FROM quotes_latest WHERE price > 0 ORDER BY coin_id, currency";
    let found = client.found(quotes, &["coin_id", "currency"]).await;
    assert_eq!(found, ["1 EUR", "1 USD", "825 EUR", "825 USD", "1027 EUR", "1027 USD"]);
    let both = "SELECT count(*) AS n FROM quotes_latest AS e JOIN quotes_latest AS u USING (coin_id) \
                WHERE e.currency = 'EUR' AND u.currency = 'USD' AND e.price <> u.price";
    assert_eq!(client.found(both, &["n"]).await, ["3"]);
    folder.run(&["verify"], &env("1,1027,825")).await.expect(0);
    // An id that nobody has is named, and what there is is loaded.
    let incomplete = folder.run(&["--once"], &env("1,999999")).await.expect(1);
    assert!(incomplete.stderr.contains("not in the answer: 999999"), "{}", incomplete.stderr);
    let mistaken = folder.run(&["check"], &env("BTC")).await.expect(2);
    assert!(mistaken.stderr.contains("is not an id"), "{}", mistaken.stderr);
    api.stop().await;
}

/// In the made-up market, as in the real one, they are all there is of most coins.
#[tokio::test]
async fn what_projects_say_of_themselves_is_in_the_flat_view() {
    let folder = Folder::new();
    folder.run(&["--once"], &[("COINPIPE__FETCH__LIMIT", "2000")]).await.expect(0);
    let client = Client::Sqlite(folder.0.path().join("coinpipe.db"));
    let count = async |what: &str| {
        let sql = format!("SELECT count(*) AS n FROM cryptocurrencies WHERE {what}");
        client.found(&sql, &["n"]).await[0].parse::<u32>().expect("a number")
    };
    assert!(count("platform_id IS NOT NULL").await > 1000);
    assert_eq!(count("platform_id IS NOT NULL AND platform_name IS NULL").await, 0);
    assert!(count("tvl > 0").await > 10);
    let is_cap = "abs(self_reported_market_cap - price * self_reported_circulating_supply) \
                  <= 1e-9 * self_reported_market_cap";
    let claimed = count("self_reported_circulating_supply IS NOT NULL").await;
    assert!(claimed > 100 && count(is_cap).await == claimed, "{claimed}");
}
