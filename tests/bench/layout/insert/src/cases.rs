//! The cases: a way for a table, how many rows a transaction, in which order.
use crate::data::*;
use crate::ways::*;
use mysql_async::prelude::*;
use sqlx::{AssertSqlSafe, Connection, Executor, mysql::MySqlConnection};

#[derive(Clone, Copy)]
enum Way {
    Prep(&'static str, usize, Tail),
    Text(&'static str, usize, Tail),
    Json(&'static str, usize, Tail),
    Load(&'static str),
    Bulk(&'static str, Tail),
    Infile(&'static str),
    Stage(&'static str),
    ServerSide,
}
#[derive(Clone, Copy, PartialEq)]
enum Tail {
    No,
    If,
    Var,
    Plain,
    Noop,
}
fn tail(t: Tail, table: &str) -> String {
    match t {
        Tail::No => String::new(),
        Tail::If => odku_if(table),
        Tail::Var => odku_var(table),
        Tail::Plain => odku_plain(),
        Tail::Noop => " ON DUPLICATE KEY UPDATE coin_id = VALUES(coin_id)".into(),
    }
}
struct Case {
    name: &'static str,
    table: &'static str,
    way: Way,
    per_tx: usize,
    sort: bool,
    pre: &'static str,
    once: bool,
}

async fn run(env: &Env, k: &Case, c: &mut MySqlConnection, pages: &[Vec<Row>]) -> M {
    fresh(c).await;
    // page 0 first: warms the statements, fills latest
    for t in ["quotes_latest", "quotes_history"] {
        prepared(c, "INSERT", t, "", &pages[0], 1000).await;
    }
    if !k.pre.is_empty() {
        c.execute(k.pre).await.unwrap();
    }
    let tail = tail(
        if let Way::Prep(_, _, t) | Way::Text(_, _, t) | Way::Json(_, _, t) | Way::Bulk(_, t) = k.way {
            t
        } else {
            Tail::No
        },
        k.table,
    );
    let mut all: Vec<Row> = Vec::new();
    let pages = if k.once { &pages[pages.len() - 1..] } else { &pages[1..] };
    for p in pages {
        let mut p = p.clone();
        if !k.sort {
            let mut g = Rng(77);
            for i in (1..p.len()).rev() {
                p.swap(i, (g.next() % (i as u64 + 1)) as usize);
            }
        }
        all.extend(p);
    }
    // within a transaction of several pages: sorted by key
    let mut groups: Vec<Vec<Row>> = all.chunks(k.per_tx).map(<[Row]>::to_vec).collect();
    if k.sort && k.per_tx > 5000 {
        for g in &mut groups {
            g.sort_by_key(|w| (w.coin, w.last));
        }
    }
    let files: Vec<String> = groups
        .iter()
        .map(|g| {
            let mut o = String::new();
            for w in g {
                line(&mut o, w);
            }
            o
        })
        .collect();
    let mut other = None;
    if matches!(k.way, Way::Bulk(..) | Way::Infile(_) | Way::Load(_)) {
        let mut m = mysql_async::Conn::new(mysql_async::Opts::from_url(&env.url).unwrap()).await.unwrap();
        m.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await.unwrap();
        other = Some(m);
    }
    // warm up once more with the very statement: page 0 again is a duplicate; so a few rows of an older hour
    let old: Vec<Row> = page(-30 - (k.per_tx as i64 % 7)).into_iter().collect();
    match k.way {
        Way::Prep(v, n, _) if !k.name.contains("history") || true => {
            let m: Vec<usize> = {
                let mut s: Vec<usize> = groups[0].chunks(n).map(<[Row]>::len).collect();
                s.dedup();
                s
            };
            let mut at = 0;
            if k.table == "quotes_history" {
                for n in m {
                    let n = n.min(old.len() - at);
                    if n == 0 {
                        break;
                    }
                    prepared(c, v, k.table, &tail, &old[at..at + n], n).await;
                    at += n;
                }
            } else {
                for n in m {
                    prepared(c, v, k.table, &tail, &pages[0][..n.min(5000)], n).await;
                }
            }
        }
        _ => {}
    }
    if let Way::Stage(engine) = k.way {
        c.execute(AssertSqlSafe(format!("CREATE TEMPORARY TABLE IF NOT EXISTS stage (n INT AUTO_INCREMENT PRIMARY KEY) ENGINE={engine} SELECT * FROM quotes_latest LIMIT 0"))).await.unwrap();
    }
    if matches!(k.way, Way::ServerSide) {
        for g in &groups {
            prepared(c, "INSERT", "quotes_history", "", g, 1000).await;
        }
    }
    let meter = Meter::new(env);
    for (g, f) in groups.iter().zip(files) {
        match k.way {
            Way::Prep(v, n, _) => {
                let mut tx = c.begin().await.unwrap();
                prepared(&mut tx, v, k.table, &tail, g, n).await;
                tx.commit().await.unwrap();
            }
            Way::Text(v, n, _) => {
                let mut tx = c.begin().await.unwrap();
                text(&mut tx, v, k.table, &tail, g, n).await;
                tx.commit().await.unwrap();
            }
            Way::Json(v, n, _) => {
                let mut tx = c.begin().await.unwrap();
                json_table(&mut tx, v, k.table, &tail, g, n).await;
                tx.commit().await.unwrap();
            }
            Way::Bulk(v, _) => {
                let m = other.as_mut().unwrap();
                m.query_drop("START TRANSACTION").await.unwrap();
                let sql = format!(
                    "{v} INTO {} ({}) VALUES ({}){tail}",
                    k.table,
                    COLUMNS.join(", "),
                    vec!["?"; 23].join(", ")
                );
                m.exec_batch(sql, g.iter().map(values)).await.unwrap();
                m.query_drop("COMMIT").await.unwrap();
            }
            Way::Load(v) | Way::Infile(v) => {
                let m = other.as_mut().unwrap();
                let f = if matches!(k.way, Way::Infile(_)) {
                    let mut o = String::new();
                    for w in g {
                        line(&mut o, w);
                    }
                    o
                } else {
                    f
                };
                let b = bytes::Bytes::from(f);
                m.set_infile_handler(async move {
                    let n: Vec<Result<bytes::Bytes, std::io::Error>> = (0..b.len())
                        .step_by(1 << 18)
                        .map(|i| Ok(b.slice(i..b.len().min(i + (1 << 18)))))
                        .collect();
                    Ok(futures_util::StreamExt::boxed(futures_util::stream::iter(n)))
                });
                m.query_drop(format!(
                    "LOAD DATA LOCAL INFILE 'x' {v} INTO TABLE {} ({})",
                    k.table,
                    COLUMNS.join(", ")
                ))
                .await
                .unwrap();
            }
            Way::Stage(_) => {
                let mut tx = c.begin().await.unwrap();
                prepared(&mut tx, "INSERT", "stage", "", g, 1000).await;
                let on = odku_plain();
                let cols = COLUMNS.join(", ");
                let sql = if k.table == "quotes_history" {
                    format!("INSERT INTO quotes_history ({cols}) SELECT {cols} FROM stage")
                } else {
                    format!("INSERT INTO quotes_latest ({cols}) SELECT {cols} FROM stage{on}")
                };
                tx.execute(AssertSqlSafe(sql)).await.unwrap();
                tx.execute("DELETE FROM stage").await.unwrap();
                tx.commit().await.unwrap();
            }
            Way::ServerSide => {
                let cols = COLUMNS.join(", ");
                let mut lasts: Vec<_> = g.iter().map(|w| w.last).collect();
                lasts.sort();
                lasts.dedup();
                for part in g.chunks(1000) {
                    let on = odku_plain();
                    let sql = format!(
                        "INSERT INTO quotes_latest ({cols}) SELECT {cols} FROM quotes_history WHERE (coin_id, currency, last_updated) IN ({}){on}",
                        vec!["(?,?,?)"; part.len()].join(",")
                    );
                    let mut q = sqlx::query(AssertSqlSafe(sql));
                    for w in part {
                        q = q.bind(w.coin).bind("USD").bind(w.last);
                    }
                    q.execute(&mut *c).await.unwrap();
                }
            }
        }
    }
    let m = meter.done(c).await;
    let n: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT COUNT(*) FROM {} WHERE last_updated > '2026-01-01 00:30'",
        k.table
    )))
    .fetch_one(&mut *c)
    .await
    .unwrap();
    let want = if k.table == "quotes_history" { all.len() } else { 5000 };
    if n as usize != want {
        println!("!! {} has {n} rows, not {want}", k.name);
    }
    M { server: m.server, client: m.client, wall: m.wall, at_commit: m.at_commit }
}
pub async fn main() {
    let a: Vec<String> = std::env::args().collect();
    // A private server with its defaults: see the README of this folder.
    let url = std::env::var("LAYOUT_URL").expect("LAYOUT_URL");
    let env = Env { pid: std::env::var("LAYOUT_PID").expect("LAYOUT_PID").parse().expect("a number"), url };
    if a.get(1).is_some_and(|x| x == "layout") {
        return crate::layout::main(&env, &a[2..]).await;
    }
    let filter = a.get(1).cloned().unwrap_or_default();
    let rounds: usize = a.get(2).map_or(1, |x| x.parse().unwrap());
    if let Some(f) = filter.strip_prefix("rest:") {
        return crate::rest::main(&env, f, rounds).await;
    }
    let pages: Vec<Vec<Row>> = (0..21).map(page).collect();
    let h = "quotes_history";
    let l = "quotes_latest";
    use Tail::*;
    use Way::{Bulk, Infile, Json, Load, Prep, ServerSide, Stage, Text};
    let mut cases: Vec<Case> = Vec::new();
    let mut add = |name, table, way, per_tx, sort, pre, once| {
        cases.push(Case { name, table, way, per_tx, sort, pre, once })
    };
    add("h LOAD DATA LOCAL, page by page", h, Load(""), 5000, true, "", false);
    add("h LOAD DATA LOCAL, 20 pages at once", h, Load(""), 100_000, true, "", false);
    add("h LOAD DATA through mysql_async, formatting counted", h, Infile("IGNORE"), 5000, true, "", false);
    add("h bulk execute (mysql_async) INSERT, tx 5000", h, Bulk("INSERT", No), 5000, true, "", false);
    add("h bulk execute (mysql_async) ODKU if, tx 5000", h, Bulk("INSERT", If), 5000, true, "", false);
    add("h today: prepared 500, ODKU if, tx 1000", h, Prep("INSERT", 500, If), 1000, true, "", false);
    add("h prepared 500, ODKU if, tx 5000", h, Prep("INSERT", 500, If), 5000, true, "", false);
    add("h prepared 1000, ODKU if, tx 5000", h, Prep("INSERT", 1000, If), 5000, true, "", false);
    add("h prepared 2500, ODKU if, tx 5000", h, Prep("INSERT", 2500, If), 5000, true, "", false);
    add("h prepared 100, INSERT, tx 5000", h, Prep("INSERT", 100, No), 5000, true, "", false);
    add("h prepared 500, INSERT, tx 5000", h, Prep("INSERT", 500, No), 5000, true, "", false);
    add("h prepared 1000, INSERT, tx 5000", h, Prep("INSERT", 1000, No), 5000, true, "", false);
    add("h prepared 2500, INSERT, tx 5000", h, Prep("INSERT", 2500, No), 5000, true, "", false);
    add("h prepared 1000, INSERT IGNORE, tx 5000", h, Prep("INSERT IGNORE", 1000, No), 5000, true, "", false);
    add("h prepared 1000, ODKU no-op, tx 5000", h, Prep("INSERT", 1000, Noop), 5000, true, "", false);
    add("h prepared 1000, REPLACE, tx 5000", h, Prep("REPLACE", 1000, No), 5000, true, "", false);
    add("h prepared 1000, INSERT, tx 1000", h, Prep("INSERT", 1000, No), 1000, true, "", false);
    add(
        "h prepared 1000, INSERT, tx 20000 sorted by key",
        h,
        Prep("INSERT", 1000, No),
        20_000,
        true,
        "",
        false,
    );
    add(
        "h prepared 1000, INSERT, tx 100000 sorted by key",
        h,
        Prep("INSERT", 1000, No),
        100_000,
        true,
        "",
        false,
    );
    add("h prepared 1000, INSERT, tx 5000, unsorted", h, Prep("INSERT", 1000, No), 5000, false, "", false);
    add(
        "h prepared 1000, INSERT, tx 5000, unique_checks=0",
        h,
        Prep("INSERT", 1000, No),
        5000,
        true,
        "SET SESSION unique_checks=0, foreign_key_checks=0",
        false,
    );
    add(
        "h prepared 1000, INSERT, tx 5000, REPEATABLE READ",
        h,
        Prep("INSERT", 1000, No),
        5000,
        true,
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        false,
    );
    add("h text 256 KB, INSERT, tx 5000", h, Text("INSERT", 1 << 18, No), 5000, true, "", false);
    add("h text 1 MB, INSERT, tx 5000", h, Text("INSERT", 1 << 20, No), 5000, true, "", false);
    add(
        "h text 4 MB, INSERT, tx 20000 sorted by key",
        h,
        Text("INSERT", 4 << 20, No),
        20_000,
        true,
        "",
        false,
    );
    add(
        "h text 15 MB, INSERT, tx 100000 sorted by key",
        h,
        Text("INSERT", 15 << 20, No),
        100_000,
        true,
        "",
        false,
    );
    add("h text 1 MB, ODKU if, tx 5000", h, Text("INSERT", 1 << 20, If), 5000, true, "", false);
    add("h JSON_TABLE of 1000, INSERT, tx 5000", h, Json("INSERT", 1000, No), 5000, true, "", false);
    add("h JSON_TABLE of 5000, INSERT, tx 5000", h, Json("INSERT", 5000, No), 5000, true, "", false);
    add("h InnoDB temporary stage, INSERT SELECT, tx 5000", h, Stage("InnoDB"), 5000, true, "", false);
    add("l LOAD DATA LOCAL REPLACE, page by page", l, Load("REPLACE"), 5000, true, "", false);
    add("l LOAD DATA LOCAL REPLACE, once", l, Load("REPLACE"), 5000, true, "", true);
    add("l bulk execute (mysql_async) ODKU if, tx 5000", l, Bulk("INSERT", If), 5000, true, "", false);
    add("l bulk execute (mysql_async) REPLACE, tx 5000", l, Bulk("REPLACE", No), 5000, true, "", false);
    add("l today: prepared 500, ODKU if, tx 1000", l, Prep("INSERT", 500, If), 1000, true, "", false);
    add("l prepared 1000, ODKU if, tx 5000", l, Prep("INSERT", 1000, If), 5000, true, "", false);
    add(
        "l prepared 1000, ODKU one comparison (@n), tx 5000",
        l,
        Prep("INSERT", 1000, Var),
        5000,
        true,
        "",
        false,
    );
    add("l prepared 1000, ODKU plain, tx 5000", l, Prep("INSERT", 1000, Plain), 5000, true, "", false);
    add("l prepared 2500, ODKU plain, tx 5000", l, Prep("INSERT", 2500, Plain), 5000, true, "", false);
    add("l prepared 1000, REPLACE, tx 5000", l, Prep("REPLACE", 1000, No), 5000, true, "", false);
    add("l prepared 1000, REPLACE, once", l, Prep("REPLACE", 1000, No), 5000, true, "", true);
    add("l text 1 MB, ODKU plain, tx 5000", l, Text("INSERT", 1 << 20, Plain), 5000, true, "", false);
    add("l text 1 MB, REPLACE, tx 5000", l, Text("REPLACE", 1 << 20, No), 5000, true, "", false);
    add(
        "l InnoDB temporary stage, INSERT SELECT ODKU plain, tx 5000",
        l,
        Stage("InnoDB"),
        5000,
        true,
        "",
        false,
    );
    add("l INSERT SELECT from history by keys, ODKU plain", l, ServerSide, 5000, true, "", false);
    println!(
        "{:<58} {:>7} {:>7} {:>7} {:>9}",
        "per 100,000 rows (the least of the rounds)", "server", "client", "wall", "at commit"
    );
    for k in cases.iter().filter(|k| k.name.contains(&filter)) {
        let mut best: Option<M> = None;
        for _ in 0..rounds {
            let mut c = connect(&env).await;
            let m = run(&env, k, &mut c, &pages).await;
            c.close().await.unwrap();
            best = Some(match best {
                None => m,
                Some(b) => M {
                    server: b.server.min(m.server),
                    client: b.client.min(m.client),
                    wall: b.wall.min(m.wall),
                    at_commit: b.at_commit.min(m.at_commit),
                },
            });
        }
        let b = best.unwrap();
        println!("{:<58} {:>7.2} {:>7.2} {:>7.2} {:>9.2}", k.name, b.server, b.client, b.wall, b.at_commit);
    }
}
