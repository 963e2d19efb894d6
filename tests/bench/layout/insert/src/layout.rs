//! Layouts of the history: fill one, forwards or backwards, and say what the last fifth cost and how large it is.
use crate::data::*;
use crate::ways::{Env, Meter, connect};
use sqlx::{AssertSqlSafe, Connection, Executor};
const MEASURES: &str = "price DOUBLE, volume_24h DOUBLE, volume_change_24h DOUBLE, percent_change_1h DOUBLE, percent_change_24h DOUBLE, percent_change_7d DOUBLE, percent_change_30d DOUBLE, percent_change_60d DOUBLE, percent_change_90d DOUBLE, market_cap DOUBLE, market_cap_dominance DOUBLE, fully_diluted_market_cap DOUBLE, circulating_supply DOUBLE, total_supply DOUBLE, max_supply DOUBLE, num_market_pairs INT UNSIGNED, cmc_rank INT UNSIGNED";
fn months(step: i64, count: i64) -> String {
    let start = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
    let p: Vec<String> = (1..=count)
        .map(|i| format!("PARTITION p{i} VALUES LESS THAN ('{}')", start + chrono::TimeDelta::days(i * step)))
        .collect();
    format!("PARTITION BY RANGE COLUMNS (last_updated) ({})", p.join(", "))
}
pub fn ddl(name: &str, t: &str) -> String {
    let text = "currency VARCHAR(512) NOT NULL";
    let id = "currency SMALLINT UNSIGNED NOT NULL";
    let long = "fetched_at DATETIME(3) NOT NULL, batch VARCHAR(512) NOT NULL";
    let number = "fetched_at DATETIME(3) NOT NULL, batch INT UNSIGNED NOT NULL";
    let page = "batch INT UNSIGNED NOT NULL";
    let coin = "PRIMARY KEY (coin_id, currency, last_updated)";
    let time = "PRIMARY KEY (last_updated, coin_id, currency)";
    let (currency, batch, keys, part) = match name {
        "today" => (text, long, format!("{coin}, KEY (last_updated)"), String::new()),
        "number" => (text, number, format!("{coin}, KEY (last_updated)"), String::new()),
        "ids" => (id, page, format!("{coin}, KEY (last_updated)"), String::new()),
        "time_number" => {
            (text, number, format!("{time}, KEY (coin_id, currency, last_updated)"), String::new())
        }
        "time_ids" => (id, page, format!("{time}, KEY (coin_id, currency, last_updated)"), String::new()),
        "time_only" => (text, number, time.into(), String::new()),
        "month" => (text, number, coin.into(), months(30, 13)),
        "week" => (text, number, coin.into(), months(7, 52)),
        "day" => (text, number, coin.into(), months(1, 100)),
        // time_PARTITIONS_DAYS
        _ if name.starts_with("time_by_") => {
            let (count, days) = name["time_by_".len()..].split_once('_').unwrap();
            let parts = months(days.parse().unwrap(), count.parse().unwrap());
            (text, number, format!("{time}, KEY (coin_id, currency, last_updated)"), parts)
        }
        _ => panic!("{name}"),
    };
    format!(
        "CREATE TABLE {t} (coin_id INT UNSIGNED NOT NULL, {currency}, {MEASURES}, missing_fields VARCHAR(1024), last_updated DATETIME(3) NOT NULL, {batch}, {keys}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin {part}"
    )
}
/// Pages 0..n; coins in the order of rank, which is not that of ids.
fn ranked(h: i64) -> Vec<Row> {
    let mut p = page(h);
    let mut g = Rng(77);
    // SORTED: the transformer sorts a page by coin before it cuts chunks. MINUTES: instants of a snapshot differ by some minutes.
    if std::env::var_os("SORTED").is_none() {
        for i in (1..p.len()).rev() {
            p.swap(i, (g.next() % (i as u64 + 1)) as usize);
        }
    }
    if std::env::var_os("MINUTES").is_some() {
        let mut g = Rng((h + 5) as u64 * 0x9e37_79b9 + 1);
        for _ in 0..8 {
            g.next();
        }
        for w in &mut p {
            w.last -= chrono::TimeDelta::minutes((g.next() % 3) as i64);
        }
    }
    p
}
async fn io(c: &mut sqlx::mysql::MySqlConnection) -> [f64; 2] {
    let mut o = [0.0; 2];
    for (o, n) in o.iter_mut().zip(["Innodb_buffer_pool_reads", "Innodb_pages_written"]) {
        let (_, v): (String, String) =
            sqlx::query_as(AssertSqlSafe(format!("SHOW GLOBAL STATUS LIKE '{n}'")))
                .fetch_one(&mut *c)
                .await
                .unwrap();
        *o = v.parse().unwrap();
    }
    o
}
pub async fn main(env: &Env, a: &[String]) {
    let (name, pages, back, chunks) =
        (&a[0], a[1].parse::<i64>().unwrap(), a[2] == "back", a[3].parse::<usize>().unwrap());
    let t = format!("h_{name}_{pages}_{}_{chunks}", a[2]);
    let mut c = connect(env).await;
    c.execute(AssertSqlSafe(format!("DROP TABLE IF EXISTS {t}"))).await.unwrap();
    c.execute(AssertSqlSafe(ddl(name, &t))).await.unwrap();
    let time_first = name.starts_with("time");
    let hours: Vec<i64> = if back { (0..pages).rev().collect() } else { (0..pages).collect() };
    let ids = name.ends_with("ids");
    let fetched = !ids;
    let long = name == "today";
    let width = 21 + usize::from(fetched) + 1;
    let one = format!("({})", vec!["?"; width].join(","));
    let mut last = None;
    let per = (chunks / 5).max(1);
    let all = std::time::Instant::now();
    for (k, group) in hours.chunks(per).enumerate() {
        if last.is_none() && (k * per) as i64 >= pages - pages / 5 {
            last = Some((Meter::new(env), io(&mut c).await, k * per));
        }
        let rows: Vec<(i64, Row)> =
            group.iter().flat_map(|h| ranked(*h).into_iter().map(move |w| (*h, w))).collect();
        // a transaction is `chunks` chunks of 1,000 coins
        // SPLIT: the first chunk of a page came alone, the others of it together.
        let split = std::env::var_os("SPLIT").is_some();
        let parts: Vec<&[(i64, Row)]> =
            if split { vec![&rows[..1000], &rows[1000..]] } else { rows.chunks(chunks * 1000).collect() };
        for tx_rows in parts {
            let mut s: Vec<&(i64, Row)> = tx_rows.iter().collect();
            if time_first {
                s.sort_by_key(|(_, w)| (w.last, w.coin));
            } else {
                s.sort_by_key(|(_, w)| (w.coin, w.last));
            }
            let mut tx = c.begin().await.unwrap();
            for part in s.chunks(500) {
                let sql = format!("INSERT INTO {t} VALUES {}", vec![one.as_str(); part.len()].join(","));
                let mut q = sqlx::query(AssertSqlSafe(sql));
                for (h, w) in part {
                    q = q.bind(w.coin);
                    q = if ids { q.bind(1u16) } else { q.bind("USD") };
                    for x in w.n {
                        q = q.bind(x);
                    }
                    q = q.bind(w.pairs).bind(w.rank).bind(None::<&str>).bind(w.last);
                    if fetched {
                        q = q.bind(w.fetched);
                    }
                    q = if long { q.bind(&*w.batch) } else { q.bind(*h as u32 + 1) };
                }
                q.execute(&mut *tx).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
    }
    let total = all.elapsed().as_secs_f64();
    let (meter, before, from) = last.unwrap();
    let m = meter.done(&mut c).await;
    let after = io(&mut c).await;
    let io = [after[0] - before[0], after[1] - before[1]];
    let rows = (pages as usize - from) as f64 * 5000.0;
    let (bytes,): (i64,) = sqlx::query_as("SELECT CAST(SUM(file_size) AS SIGNED) FROM information_schema.innodb_sys_tablespaces WHERE name LIKE ?").bind(format!("coinpipe/{t}%")).fetch_one(&mut c).await.unwrap();
    c.execute(AssertSqlSafe(format!("ANALYZE TABLE {t}"))).await.unwrap();
    let (pri, sec): (i64, i64) = sqlx::query_as("SELECT CAST(SUM(clustered_index_size) AS SIGNED) * 16384, CAST(SUM(sum_of_other_index_sizes) AS SIGNED) * 16384 FROM mysql.innodb_table_stats WHERE table_name LIKE ?").bind(format!("{t}%")).fetch_one(&mut c).await.unwrap();
    let n = pages as f64 * 5000.0;
    println!(
        "{name:<12} {:>8.1}M {:<5} {chunks:>3} chunks/tx: bytes/quote {:>4.0} (file) {:>4.0} = {:>4.0} + {:>3.0}; last fifth: {:>7.0} rows/s, server {:>5.2} client {:>5.2} s/100k, pages read {:>5.0} written {:>5.0} /100k; all: {:>7.0} rows/s",
        n / 1e6,
        a[2],
        bytes as f64 / n,
        (pri + sec) as f64 / n,
        pri as f64 / n,
        sec as f64 / n,
        rows / m.wall,
        m.server / rows * 1e5,
        m.client / rows * 1e5,
        io[0] / rows * 1e5,
        io[1] / rows * 1e5,
        n / total
    );
    if a.get(4).is_none() {
        c.execute(AssertSqlSafe(format!("DROP TABLE {t}"))).await.unwrap();
    }
}
