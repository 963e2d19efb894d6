//! Coins that were only seen again: nothing of theirs is written, and users see when they were.

use ports::{Quotes, Store};
use testkit::contents::Contents;
use testkit::contract::store::sample::at;

use super::SqlLab;
use super::snapshot::snapshot;
use crate::before::statements;

/// Three coins over three hours, of which the second has another name in the second hour, and the third leaves after it.
async fn fill(lab: &impl SqlLab) {
    for hour in 0..3 {
        let mut chunk = snapshot(hour * 3600, &["USD", "EUR"], if hour == 2 { 2 } else { 3 });
        if hour == 1 {
            "another".clone_into(&mut chunk.rows[1].coin.name);
        }
        lab.store().load(&chunk).await.expect("loads");
    }
}

/// Wherever the migration is killed, the views show what the tables held; and the version before cannot write into them.
pub async fn the_coins_of_the_version_before_are_seen_as_before<L: SqlLab>(setup: impl AsyncFn() -> L) {
    const SHOWN: [&str; 3] = ["coins", "coin_identities", "cryptocurrencies"];
    let lab = setup().await;
    let client = lab.client();
    fill(&lab).await;
    let loaded = client.tables().await;
    let columns = async || {
        let mut columns = Vec::new();
        for shown in SHOWN {
            columns.push(client.columns(shown).await.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
        }
        columns
    };
    client.back_to_step_14().await;
    let (before, held) = (columns().await, client.tables().await);
    assert_eq!(held, loaded);
    let step = statements(&client.step(15));
    for done in 0..=step.len() {
        if done > 0 {
            client.back_to_step_14().await;
        }
        client.killed(&step[..done].join("; ")).await;
        let store = lab.beside().await;
        assert_eq!(client.tables().await, held, "after {done} statements");
        assert_eq!(columns().await, before);
        assert_eq!(store.totals().await.expect("answers").coins, 3);
        for view in ["coins", "coin_identities"] {
            let old = format!("INSERT INTO {view} SELECT * FROM {view}");
            assert!(client.refusal(&old).await.is_some(), "{view} is a view");
        }
    }
    // It goes on as if nothing had been.
    lab.beside().await.load(&snapshot(3 * 3600, &["USD"], 3)).await.expect("loads");
    let seen = client.tables().await.coins.into_iter().map(|coin| coin.last_seen_at);
    assert!(seen.eq([at(3 * 3600 + 1); 3]));
}

/// Their rows stay as they are; only of another name, and of what no newest quote tells, something is written.
pub async fn what_a_snapshot_only_sees_again_of_coins_is_not_written<L: SqlLab>(setup: impl AsyncFn() -> L) {
    let lab = setup().await;
    let client = lab.client();
    let rows = async |of: &str| {
        let sql = format!("SELECT last_seen_at AS seen FROM {of} WHERE id = 1");
        client.found(&sql, &["seen"]).await
    };
    let load = async |hour: i64, price_of: i64| {
        let mut chunk = snapshot(hour * 3600, &["USD"], 3);
        for row in &mut chunk.rows {
            row.quotes[0].last_updated = at(price_of * 3600);
        }
        lab.store().load(&chunk).await.expect("loads");
    };
    load(0, 0).await;
    let first = rows("coin_descriptions").await;
    assert_eq!(rows("coins").await, first);
    load(1, 1).await;
    assert_eq!(rows("coin_descriptions").await, first, "its newest quote tells it");
    let second = rows("coins").await;
    assert_ne!(second, first);
    load(2, 0).await;
    let third = rows("coin_descriptions").await;
    assert!(third != first && third != second, "its newest quote is older");
    assert_eq!(rows("coins").await, third);
    let coin = &client.tables().await.coins[0];
    assert_eq!((coin.first_seen_at, coin.last_seen_at), (at(1), at(2 * 3600 + 1)));
}
