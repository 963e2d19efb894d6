use super::*;
use crate::commands::import::row_time::read_time;
use crate::zone::Zone;

fn at(text: &str) -> DateTime<Utc> {
    read_time(text, Zone::UTC).unwrap()
}

fn listed(id: u32, symbol: &str) -> ListedCoin {
    ListedCoin {
        id,
        symbol: symbol.to_owned(),
        name: format!("Coin {id}"),
        slug: format!("coin-{id}"),
        fetched_at: at("2026-11-22"),
        last_updated: at("2026-11-21T23:50:00Z"),
    }
}

/// The plan for rows of symbol, name, price and time.
fn plan(rows: &[[&str; 4]], decisions: &[(&str, &str)]) -> ImportPlan {
    let listed = [listed(1, "BTC"), listed(2, "Abc"), listed(3, "aBC"), listed(4, "$\u{1f680},X")];
    let columns = ["symbol", "name", "price", "last_updated"].map(str::to_owned);
    let mapping = Mapping::new(&columns, &[], false).unwrap();
    let decisions: Vec<_> =
        decisions.iter().map(|(symbol, id)| (symbol.to_string(), id.to_string())).collect();
    let decisions = Decisions::new(&decisions, &listed).unwrap();
    let text = |text: &str| (text != "NULL").then(|| text.to_owned());
    let rows = rows.iter().map(|row| row.iter().map(|cell| text(cell)).collect()).collect();
    ImportPlan::new(&mapping, rows, &listed, &decisions, "EUR", &Times { zone: Zone::UTC, as_of: None })
}

/// Ids and quotes on each page.
fn pages(plan: &ImportPlan) -> Vec<Vec<(u64, Value)>> {
    let pages = plan.pages("coins", Slot::at(at("2026-11-23"))).unwrap();
    let coins = |message: &Message| {
        let body = domain::decompress_body(&message.body).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let coins = body["data"].as_array().unwrap().iter();
        coins.map(|coin| (coin["id"].as_u64().unwrap(), coin["quote"]["EUR"].clone())).collect()
    };
    pages.iter().map(|(_, message)| coins(message)).collect()
}

fn left_out(plan: &ImportPlan) -> Vec<(Reason, &str)> {
    plan.left_out.iter().flat_map(|(reason, rows)| rows.iter().map(|row| (*reason, &*row.symbol))).collect()
}

#[test]
fn a_symbol_finds_its_coin_only_when_it_is_the_only_one() {
    let rows = [
        ["btc ", "NULL", "1.5", "2026-11-21 10:00:00"],
        ["ABC", "Coin 2", "2", "2026-11-21"],
        ["$\u{1f680},x", "Coin 4", "3", "2026-11-21T10:00:00.25Z"],
        ["nope", "NULL", "4", "2026-11-21"],
        ["NULL", "NULL", "5", "2026-11-21"],
        ["BTC", "Bitcoin Cash", "6", "2026-11-21"],
    ];
    let without = plan(&rows, &[]);
    assert_eq!(
        left_out(&without),
        [
            (Reason::Ambiguous, "ABC"),
            (Reason::OtherName, "BTC"),
            (Reason::Unknown, "nope"),
            (Reason::Unknown, "")
        ]
    );
    let candidates = &without.left_out[&Reason::Ambiguous][0].candidates;
    assert_eq!(candidates.iter().map(|coin| coin.id).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(
        pages(&without),
        [vec![
            (1, json!({"price": 1.5, "last_updated": "2026-11-21T10:00:00.000Z"})),
            (4, json!({"price": 3.0, "last_updated": "2026-11-21T10:00:00.250Z"})),
        ]]
    );
    let decided = plan(&rows, &[("abc", "3"), ("BTC", "1")]);
    assert_eq!(left_out(&decided), [(Reason::Unknown, "nope"), (Reason::Unknown, "")]);
    assert_eq!(decided.rows_of_coins(), 4);
}

#[test]
fn a_coin_is_on_a_page_once_and_no_page_is_newer_than_the_snapshot() {
    let rows = [
        ["BTC", "NULL", "1", "2026-11-20"],
        ["BTC", "NULL", "2", "2026-11-21"],
        ["BTC", "NULL", "3", "2026-11-22"],
        // After the coin's quote, before the snapshot: it would be the newest, and the coin would leave the snapshot.
        ["BTC", "NULL", "4", "2026-11-21T23:55:00Z"],
        ["$\u{1f680},X", "NULL", "4", "never"],
    ];
    let plan = plan(&rows, &[]);
    assert_eq!(left_out(&plan), [(Reason::TooNew, "BTC"); 2]);
    let ids: Vec<Vec<_>> = pages(&plan).iter().map(|page| page.iter().map(|coin| coin.0).collect()).collect();
    assert_eq!(ids, [vec![1, 4], vec![1]]);
    let metas: Vec<_> = plan.pages("coins", Slot::at(at("2026-11-23"))).unwrap();
    let metas: Vec<_> = metas.iter().map(|(meta, _)| (meta.page, meta.pages, meta.fetched_at)).collect();
    assert_eq!(metas, [(1, 2, at("2026-11-20")), (2, 2, at("2026-11-21"))]);
}

#[test]
fn what_is_no_number_or_no_time_is_left_to_the_rules() {
    let rows =
        [["BTC", "NULL", "1,5", "yesterday"], ["$\u{1f680},X", "NULL", "NULL", "2026-11-21 10:00:00+02:00"]];
    let plan = plan(&rows, &[]);
    assert_eq!(
        pages(&plan),
        [vec![
            (1, json!({"price": "1,5", "last_updated": "yesterday"})),
            (4, json!({"price": null, "last_updated": "2026-11-21T08:00:00.000Z"})),
        ]]
    );
    let id = |table| plan.pages(table, Slot::at(at("2026-11-23"))).unwrap()[0].0.batch.to_string();
    assert_eq!(id("old.co/ins"), "2026-11-23T00:00:00Z/legacy-old.co_ins/EUR");
    assert_ne!(id("coins"), id("more_coins"), "imported in the same second");
}
