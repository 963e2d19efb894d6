//! What a load needs besides its quotes: what is held, coins, identities, the ledger.
use crate::data::*;
use crate::ways::*;
use sqlx::{AssertSqlSafe, Connection, Executor, Row as _, mysql::MySqlConnection};
const M: &str = include_str!("../../../../../migrations/mysql/0001_quotes.sql");
async fn table(c: &mut MySqlConnection, t: &str) {
    c.execute(AssertSqlSafe(format!("DROP TABLE IF EXISTS {t}"))).await.unwrap();
    let at = M.find(&format!("CREATE TABLE IF NOT EXISTS {t} ")).unwrap();
    let end = at + M[at..].find(";\n").unwrap();
    // the text of a comment may hold a semicolon
    let end = at + M[at..].find("utf8mb4_0900_bin */;").map_or(end - at, |e| e + "utf8mb4_0900_bin */".len());
    c.execute(AssertSqlSafe(M[at..end].to_owned())).await.unwrap();
}
const COIN: [&str; 12] = [
    "id",
    "symbol",
    "name",
    "slug",
    "date_added",
    "platform_id",
    "token_address",
    "tags",
    "infinite_supply",
    "is_active",
    "first_seen_at",
    "last_seen_at",
];
fn tags(i: u32) -> String {
    let mut o = String::from("[");
    for k in 0..(i % 25) {
        if k > 0 {
            o.push(',');
        }
        o.push_str(&format!("\"some-portfolio-{:03}\"", (i * 31 + k * 17) % 400));
    }
    o.push(']');
    o
}
async fn coins(c: &mut MySqlConnection, rows: &[Row], n: usize, tail: &str) {
    for part in rows.chunks(n) {
        let sql = format!(
            "INSERT INTO coins ({}) VALUES {}{tail}",
            COIN.join(", "),
            vec!["(?,?,?,?,?,?,?,?,?,?,?,?)"; part.len()].join(",")
        );
        let mut q = sqlx::query(AssertSqlSafe(sql));
        for w in part {
            q = q
                .bind(w.coin)
                .bind(format!("SYM{}", w.coin))
                .bind(format!("Name of coin {}", w.coin))
                .bind(format!("name-of-coin-{}", w.coin))
                .bind(w.last.date().and_hms_opt(0, 0, 0))
                .bind((w.coin % 2 == 0).then_some(1027u32))
                .bind((w.coin % 2 == 0).then(|| format!("0x{:040x}", w.coin)))
                .bind(tags(w.coin))
                .bind(false)
                .bind(true)
                .bind(w.fetched)
                .bind(w.fetched);
        }
        q.execute(&mut *c).await.unwrap();
    }
}
fn hash(w: &Row) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(format!("SYM{0}/{0}", w.coin)).to_vec()
}
async fn identities(c: &mut MySqlConnection, rows: &[Row], n: usize, tail: &str) {
    for part in rows.chunks(n) {
        let sql = format!(
            "INSERT INTO coin_identities (identity, coin_id, symbol, name, slug, first_seen_at, last_seen_at) VALUES {}{tail}",
            vec!["(?,?,?,?,?,?,?)"; part.len()].join(",")
        );
        let mut q = sqlx::query(AssertSqlSafe(sql));
        for w in part {
            q = q
                .bind(hash(w))
                .bind(w.coin)
                .bind(format!("SYM{}", w.coin))
                .bind(format!("Name of coin {}", w.coin))
                .bind(format!("name-of-coin-{}", w.coin))
                .bind(w.fetched)
                .bind(w.fetched);
        }
        q.execute(&mut *c).await.unwrap();
    }
}
fn places(n: usize) -> String {
    vec!["?"; n].join(",")
}
async fn select(
    c: &mut MySqlConnection,
    cols: &str,
    from: &str,
    key: &str,
    rows: &[Row],
    n: usize,
    lock: &str,
) -> usize {
    let mut found = 0;
    for part in rows.chunks(n) {
        let sql = format!("SELECT {cols} FROM {from} WHERE {key} IN ({}){lock}", places(part.len()));
        let mut q = sqlx::query(AssertSqlSafe(sql));
        for w in part {
            q = q.bind(w.coin);
        }
        let r = q.fetch_all(&mut *c).await.unwrap();
        // decode, as a loader does
        if cols.contains("price") {
            for x in &r {
                for i in 2..17 {
                    std::hint::black_box(x.get::<Option<f64>, _>(i));
                }
            }
        }
        for x in &r {
            std::hint::black_box(x.get::<u32, _>(0));
        }
        found += r.len();
    }
    found
}
pub async fn main(env: &Env, filter: &str, rounds: usize) {
    let pages: Vec<Vec<Row>> = (0..21).map(page).collect();
    let seen = "first_seen_at = LEAST(first_seen_at, VALUES(first_seen_at)), last_seen_at = GREATEST(last_seen_at, VALUES(last_seen_at))";
    let iff = |k: &&str| format!("{k} = IF(VALUES(last_seen_at) > last_seen_at, VALUES({k}), {k})");
    let coin_tail = format!(
        " ON DUPLICATE KEY UPDATE {}, {seen}",
        COIN[1..10].iter().map(iff).collect::<Vec<_>>().join(", ")
    );
    let id_tail = format!(" ON DUPLICATE KEY UPDATE {seen}");
    let names = [
        "coins upsert as today (500, tx 1000)",
        "coins upsert (500, tx 5000)",
        "identities upsert as today (500, tx 1000)",
        "held: 23 columns of latest by IN 500, as today (tx 1000)",
        "held: 23 columns of latest by IN 1000",
        "held: coin, currency, 2 instants by IN 1000",
        "held: coin, currency, 2 instants by IN 5000",
        "held: the same by IN 1000 FOR UPDATE",
        "held: the same by IN 5000 FOR UPDATE",
        "held: the same by range FOR UPDATE",
        "held: the same by JSON_TABLE join FOR UPDATE",
        "coins: SELECT id, last_seen_at by IN 5000",
        "coins: whole row by IN 1000",
        "identities: SELECT coin_id, identity, first/last by IN 1000",
        "coins: UPDATE last_seen_at by IN 1000",
        "coins: UPDATE last_seen_at by IN 5000",
        "coins: UPDATE last_seen_at by IN 5000, every 20th page",
        "identities: UPDATE last_seen_at by IN 1000 coins",
        "ledger: SELECT batch, INSERT chunk ODKU, tx 1000 (100 chunks)",
        "ledger: SELECT batch, 5 chunks in one INSERT, tx 5000 (20 pages)",
        "savepoint + release (100)",
        "data_origin (100)",
        "empty tx with one small write (100 commits)",
        "coins: compare hashes by IN 5000 (BINARY(32) col)",
    ];
    println!(
        "{:<68} {:>7} {:>7} {:>7}",
        "per 100,000 rows (20 pages; the least of the rounds)", "server", "client", "wall"
    );
    for name in names.iter().filter(|n| n.contains(filter)) {
        let mut best = [f64::MAX; 3];
        for _ in 0..rounds {
            let mut c = connect(env).await;
            fresh(&mut c).await;
            for t in ["coins", "coin_identities"] {
                table(&mut c, t).await;
            }
            c.execute("ALTER TABLE coins ADD description BINARY(32)").await.unwrap();
            c.execute("DROP TABLE IF EXISTS batches, batch_chunks, data_origin").await.unwrap();
            c.execute("CREATE TABLE batches (id VARCHAR(512) NOT NULL PRIMARY KEY, slot DATETIME(3), endpoint TEXT, currencies TEXT, simulated BOOLEAN, KEY (slot), KEY (simulated)) ENGINE=InnoDB").await.unwrap();
            c.execute("CREATE TABLE batch_chunks (batch_id VARCHAR(512) NOT NULL, page INT UNSIGNED NOT NULL, chunk INT UNSIGNED NOT NULL, a BIGINT, b BIGINT, cc BIGINT, d BIGINT, e BIGINT, f DATETIME(3), g DATETIME(3), loads INT, q DATETIME(3), r DATETIME(3), PRIMARY KEY (batch_id, page, chunk), KEY (q), KEY (r)) ENGINE=InnoDB").await.unwrap();
            c.execute("CREATE TABLE data_origin (id TINYINT PRIMARY KEY, simulated BOOLEAN)").await.unwrap();
            c.execute("INSERT INTO data_origin VALUES (1, 1)").await.unwrap();
            prepared(&mut c, "INSERT", "quotes_latest", "", &pages[0], 1000).await;
            coins(&mut c, &pages[0], 500, "").await;
            identities(&mut c, &pages[0], 500, "").await;
            c.execute("UPDATE coins SET description = UNHEX(SHA2(id, 256))").await.unwrap();
            let meter = Meter::new(env);
            for p in &pages[1..] {
                match *name {
                    "coins upsert as today (500, tx 1000)" => {
                        for ch in p.chunks(1000) {
                            let mut tx = c.begin().await.unwrap();
                            coins(&mut tx, ch, 500, &coin_tail).await;
                            tx.commit().await.unwrap();
                        }
                    }
                    "coins upsert (500, tx 5000)" => {
                        let mut tx = c.begin().await.unwrap();
                        coins(&mut tx, p, 500, &coin_tail).await;
                        tx.commit().await.unwrap();
                    }
                    "identities upsert as today (500, tx 1000)" => {
                        for ch in p.chunks(1000) {
                            let mut tx = c.begin().await.unwrap();
                            identities(&mut tx, ch, 500, &id_tail).await;
                            tx.commit().await.unwrap();
                        }
                    }
                    "held: 23 columns of latest by IN 500, as today (tx 1000)" => {
                        select(&mut c, &COLUMNS.join(","), "quotes_latest", "coin_id", p, 500, "").await;
                    }
                    "held: 23 columns of latest by IN 1000" => {
                        select(&mut c, &COLUMNS.join(","), "quotes_latest", "coin_id", p, 1000, "").await;
                    }
                    "held: coin, currency, 2 instants by IN 1000" => {
                        select(
                            &mut c,
                            "coin_id, currency, last_updated, fetched_at",
                            "quotes_latest",
                            "coin_id",
                            p,
                            1000,
                            "",
                        )
                        .await;
                    }
                    "held: coin, currency, 2 instants by IN 5000" => {
                        select(
                            &mut c,
                            "coin_id, currency, last_updated, fetched_at",
                            "quotes_latest",
                            "coin_id",
                            p,
                            5000,
                            "",
                        )
                        .await;
                    }
                    "held: the same by IN 1000 FOR UPDATE" => {
                        let mut tx = c.begin().await.unwrap();
                        select(
                            &mut tx,
                            "coin_id, currency, last_updated, fetched_at",
                            "quotes_latest",
                            "coin_id",
                            p,
                            1000,
                            " FOR UPDATE",
                        )
                        .await;
                        tx.commit().await.unwrap();
                    }
                    "held: the same by IN 5000 FOR UPDATE" => {
                        let mut tx = c.begin().await.unwrap();
                        select(
                            &mut tx,
                            "coin_id, currency, last_updated, fetched_at",
                            "quotes_latest",
                            "coin_id",
                            p,
                            5000,
                            " FOR UPDATE",
                        )
                        .await;
                        tx.commit().await.unwrap();
                    }
                    "held: the same by range FOR UPDATE" => {
                        let mut tx = c.begin().await.unwrap();
                        let r = sqlx::query("SELECT coin_id, currency, last_updated, fetched_at FROM quotes_latest WHERE coin_id BETWEEN ? AND ? FOR UPDATE").bind(p[0].coin).bind(p[p.len() - 1].coin).fetch_all(&mut *tx).await.unwrap();
                        assert_eq!(r.len(), 5000);
                        tx.commit().await.unwrap();
                    }
                    "held: the same by JSON_TABLE join FOR UPDATE" => {
                        let mut tx = c.begin().await.unwrap();
                        let j = format!(
                            "[{}]",
                            p.iter().map(|w| w.coin.to_string()).collect::<Vec<_>>().join(",")
                        );
                        let r = sqlx::query("SELECT q.coin_id, q.currency, q.last_updated, q.fetched_at FROM JSON_TABLE(?, '$[*]' COLUMNS (id INT UNSIGNED PATH '$')) AS j STRAIGHT_JOIN quotes_latest AS q ON q.coin_id = j.id FOR UPDATE").bind(j).fetch_all(&mut *tx).await.unwrap();
                        assert_eq!(r.len(), 5000);
                        tx.commit().await.unwrap();
                    }
                    "coins: SELECT id, last_seen_at by IN 5000" => {
                        select(&mut c, "id, last_seen_at", "coins", "id", p, 5000, "").await;
                    }
                    "coins: whole row by IN 1000" => {
                        select(&mut c, &COIN.join(","), "coins", "id", p, 1000, "").await;
                    }
                    "coins: id and CRC of the description by IN 1000" => {
                        select(&mut c, "id, last_seen_at, CRC32(CONCAT_WS('/', symbol, name, slug, date_added, platform_id, token_address, tags, infinite_supply, is_active))", "coins", "id", p, 1000, "").await;
                    }
                    "coins: compare hashes by IN 5000 (BINARY(32) col)" => {
                        select(&mut c, "id, last_seen_at, description", "coins", "id", p, 5000, "").await;
                    }
                    "identities: SELECT coin_id, identity, first/last by IN 1000" => {
                        select(
                            &mut c,
                            "coin_id, identity, first_seen_at, last_seen_at",
                            "coin_identities",
                            "coin_id",
                            p,
                            1000,
                            "",
                        )
                        .await;
                    }
                    n if n.contains("UPDATE last_seen_at") => {
                        let k = if n.contains("IN 5000") { 5000 } else { 1000 };
                        let (t, id) = if n.starts_with("coins") {
                            ("coins", "id")
                        } else {
                            ("coin_identities", "coin_id")
                        };
                        if n.contains("20th") && p[0].batch != pages[20][0].batch {
                            continue;
                        }
                        let mut tx = c.begin().await.unwrap();
                        for part in p.chunks(k) {
                            let mut q = sqlx::query(AssertSqlSafe(format!(
                                "UPDATE {t} SET last_seen_at = ? WHERE {id} IN ({}) AND last_seen_at < ?",
                                places(part.len())
                            )))
                            .bind(part[0].fetched);
                            for w in part {
                                q = q.bind(w.coin);
                            }
                            q.bind(part[0].fetched).execute(&mut *tx).await.unwrap();
                        }
                        tx.commit().await.unwrap();
                    }
                    n if n.starts_with("ledger") => {
                        let five = n.contains("one INSERT");
                        let row = "(?,?,?,?,?,?,?,?,?,?,1,?,?)";
                        let b = &*p[0].batch;
                        let step = if five { 5 } else { 1 };
                        for ch in (0..5u32).step_by(step) {
                            let mut tx = c.begin().await.unwrap();
                            let known = sqlx::query("SELECT 1 FROM batches WHERE id = ?")
                                .bind(b)
                                .fetch_optional(&mut *tx)
                                .await
                                .unwrap();
                            if known.is_none() {
                                sqlx::query("INSERT INTO batches (id, slot, endpoint, currencies, simulated) VALUES (?,?,'listings','USD',1) ON DUPLICATE KEY UPDATE id = id").bind(b).bind(p[0].last).execute(&mut *tx).await.unwrap();
                            }
                            let iff = "IF(VALUES(g) >= g AND NOT (VALUES(b) = b AND COALESCE(VALUES(cc) = cc, 1)), VALUES";
                            let sql = format!(
                                "INSERT INTO batch_chunks (batch_id, page, chunk, a, b, cc, d, e, f, g, loads, q, r) VALUES {} ON DUPLICATE KEY UPDATE a = {iff}(a), a), b = {iff}(b), b), cc = {iff}(cc), cc), d = {iff}(d), d), e = {iff}(e), e), loads = loads + 1, q = COALESCE(GREATEST(q, VALUES(q)), q, VALUES(q)), r = COALESCE(GREATEST(r, VALUES(r)), r, VALUES(r)), g = GREATEST(g, VALUES(g))",
                                vec![row; step].join(",")
                            );
                            let mut q = sqlx::query(AssertSqlSafe(sql));
                            for k in ch..ch + step as u32 {
                                q = q.bind(b).bind(1u32).bind(k);
                                for x in 0..5u64 {
                                    q = q.bind(x);
                                }
                                q = q.bind(p[0].last).bind(p[0].fetched).bind(p[0].last).bind(p[0].fetched);
                            }
                            q.execute(&mut *tx).await.unwrap();
                            tx.commit().await.unwrap();
                        }
                    }
                    "savepoint + release (100)" => {
                        let mut tx = c.begin().await.unwrap();
                        for _ in 0..5 {
                            tx.execute("SAVEPOINT part").await.unwrap();
                            tx.execute("RELEASE SAVEPOINT part").await.unwrap();
                        }
                        tx.commit().await.unwrap();
                    }
                    "data_origin (100)" => {
                        for _ in 0..5 {
                            let _: bool =
                                sqlx::query_scalar("SELECT simulated FROM data_origin WHERE id = 1")
                                    .fetch_one(&mut c)
                                    .await
                                    .unwrap();
                        }
                    }
                    "empty tx with one small write (100 commits)" => {
                        for i in 0..5 {
                            let mut tx = c.begin().await.unwrap();
                            sqlx::query("UPDATE data_origin SET simulated = ?")
                                .bind(i % 2 == 0)
                                .execute(&mut *tx)
                                .await
                                .unwrap();
                            tx.commit().await.unwrap();
                        }
                    }
                    _ => panic!("{name}"),
                }
            }
            let m = meter.done(&mut c).await;
            for (b, v) in best.iter_mut().zip([m.server, m.client, m.wall]) {
                *b = b.min(v);
            }
            c.close().await.unwrap();
        }
        println!("{name:<68} {:>7.2} {:>7.2} {:>7.2}", best[0], best[1], best[2]);
    }
}
