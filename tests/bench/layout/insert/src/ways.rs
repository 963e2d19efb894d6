//! The ways of getting rows in: each case is a statement, its rows, and its transactions.
use crate::data::*;
use sqlx::{AssertSqlSafe, Connection, Executor, mysql::MySqlConnection};
use std::time::Instant;

pub struct Env {
    pub pid: i32,
    pub url: String,
}
fn ticks(pid: i32) -> f64 {
    // the sum over threads in nanoseconds is finer than ticks, but loses threads that ended: take utime+stime
    let s = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let f: Vec<&str> = s[s.rfind(')').unwrap() + 2..].split(' ').collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
fn own() -> f64 {
    let mut u: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut u) };
    let t = |v: libc::timeval| v.tv_sec as f64 + v.tv_usec as f64 / 1e6;
    t(u.ru_utime) + t(u.ru_stime)
}

const IF_H: &str = "VALUES(fetched_at) > fetched_at";
const IF_L: &str = "VALUES(last_updated) > last_updated OR VALUES(last_updated) = last_updated AND VALUES(fetched_at) > fetched_at";
pub fn odku_if(t: &str) -> String {
    let c = if t == "quotes_history" { IF_H } else { IF_L };
    let mut a: Vec<String> = COLUMNS
        .iter()
        .filter(|c| !["coin_id", "currency", "last_updated", "fetched_at"].contains(c))
        .map(|k| format!("{k} = IF({c}, VALUES({k}), {k})"))
        .collect();
    a.push(format!("fetched_at = IF({c}, VALUES(fetched_at), fetched_at)"));
    if t == "quotes_latest" {
        a.push("last_updated = GREATEST(last_updated, VALUES(last_updated))".into());
    }
    format!(" ON DUPLICATE KEY UPDATE {}", a.join(", "))
}
/// One comparison a row, kept in a user variable that the later assignments read.
pub fn odku_var(t: &str) -> String {
    let c = if t == "quotes_history" { IF_H } else { IF_L };
    let mut a: Vec<String> = vec![format!("fetched_at = IF(@n := ({c}), VALUES(fetched_at), fetched_at)")];
    a.extend(
        COLUMNS
            .iter()
            .filter(|c| !["coin_id", "currency", "fetched_at"].contains(c))
            .filter(|k| t == "quotes_latest" || **k != "last_updated")
            .map(|k| format!("{k} = IF(@n, VALUES({k}), {k})")),
    );
    format!(" ON DUPLICATE KEY UPDATE {}", a.join(", "))
}
pub fn odku_plain() -> String {
    let a: Vec<String> = COLUMNS
        .iter()
        .filter(|c| !["coin_id", "currency"].contains(c))
        .map(|k| format!("{k} = VALUES({k})"))
        .collect();
    format!(" ON DUPLICATE KEY UPDATE {}", a.join(", "))
}
pub async fn prepared(c: &mut MySqlConnection, verb: &str, t: &str, tail: &str, rows: &[Row], n: usize) {
    let one = format!("({})", vec!["?"; 23].join(", "));
    for part in rows.chunks(n) {
        let sql = format!(
            "{verb} INTO {t} ({}) VALUES {}{tail}",
            COLUMNS.join(", "),
            vec![one.as_str(); part.len()].join(", ")
        );
        let mut q = sqlx::query(AssertSqlSafe(sql));
        for w in part {
            q = q.bind(w.coin).bind("USD");
            for x in w.n {
                q = q.bind(x);
            }
            q = q.bind(w.pairs).bind(w.rank).bind(None::<&str>).bind(w.last).bind(w.fetched).bind(&*w.batch);
        }
        q.execute(&mut *c).await.unwrap();
    }
}
pub async fn text(c: &mut MySqlConnection, verb: &str, t: &str, tail: &str, rows: &[Row], bytes: usize) {
    let head = format!("{verb} INTO {t} ({}) VALUES ", COLUMNS.join(", "));
    let mut o = head.clone();
    for (i, w) in rows.iter().enumerate() {
        literal(&mut o, w);
        if o.len() > bytes || i + 1 == rows.len() {
            o.push_str(tail);
            c.execute(AssertSqlSafe(std::mem::replace(&mut o, head.clone()))).await.unwrap();
        } else {
            o.push(',');
        }
    }
}
pub async fn json_table(c: &mut MySqlConnection, verb: &str, t: &str, tail: &str, rows: &[Row], n: usize) {
    let ty = |k: &str| match k {
        "coin_id" | "num_market_pairs" | "cmc_rank" => "INT UNSIGNED",
        "currency" => "VARCHAR(32)",
        "missing_fields" | "batch_id" => "VARCHAR(512)",
        "last_updated" | "fetched_at" => "DATETIME(3)",
        _ => "DOUBLE",
    };
    let cols: Vec<String> =
        COLUMNS.iter().enumerate().map(|(i, k)| format!("{k} {} PATH '$[{i}]'", ty(k))).collect();
    let sql = format!(
        "{verb} INTO {t} ({}) SELECT j.* FROM JSON_TABLE(?, '$[*]' COLUMNS ({})) AS j{tail}",
        COLUMNS.join(", "),
        cols.join(", ")
    );
    for part in rows.chunks(n) {
        let mut o = String::from("[");
        for w in part {
            json(&mut o, w);
            o.push(',');
        }
        o.pop();
        o.push(']');
        sqlx::query(AssertSqlSafe(sql.clone())).bind(o).execute(&mut *c).await.unwrap();
    }
}
/// Values for the other driver.
pub fn values(w: &Row) -> mysql_async::Params {
    use mysql_async::Value;
    let mut v: Vec<Value> = vec![w.coin.into(), "USD".into()];
    v.extend(w.n.iter().map(|x| Value::from(*x)));
    v.extend([
        w.pairs.into(),
        w.rank.into(),
        Value::NULL,
        w.last.into(),
        w.fetched.into(),
        (&*w.batch).into(),
    ]);
    mysql_async::Params::Positional(v)
}
pub struct M {
    pub server: f64,
    pub client: f64,
    pub wall: f64,
    pub at_commit: f64,
}
pub struct Meter<'a> {
    env: &'a Env,
    s: f64,
    c: f64,
    t: Instant,
}
impl<'a> Meter<'a> {
    pub fn new(env: &'a Env) -> Self {
        Self { env, s: ticks(env.pid), c: own(), t: Instant::now() }
    }
    pub async fn done(self, conn: &mut MySqlConnection) -> M {
        let (wall, client, at_commit) =
            (self.t.elapsed().as_secs_f64(), own() - self.c, ticks(self.env.pid) - self.s);
        for _ in 0..60 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            let (_, v): (String, String) =
                sqlx::query_as("SHOW GLOBAL STATUS LIKE 'Innodb_history_list_length'")
                    .fetch_one(&mut *conn)
                    .await
                    .unwrap();
            if v.parse::<u64>().unwrap() < 20 {
                break;
            }
        }
        M { server: ticks(self.env.pid) - self.s, client, wall, at_commit }
    }
}
pub async fn connect(env: &Env) -> MySqlConnection {
    let mut c = MySqlConnection::connect(&env.url).await.unwrap();
    c.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await.unwrap();
    c.execute("SET SESSION autocommit = 1, time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'").await.unwrap();
    c
}
pub async fn fresh(c: &mut MySqlConnection) {
    c.execute("DROP TABLE IF EXISTS quotes_history, quotes_latest").await.unwrap();
    for t in ["quotes_latest", "quotes_history"] {
        let m = include_str!("../../../../../migrations/mysql/0001_quotes.sql");
        let at = m.find(&format!("CREATE TABLE IF NOT EXISTS {t}")).unwrap();
        let end = at + m[at..].find(';').unwrap();
        c.execute(AssertSqlSafe(m[at..end].to_owned())).await.unwrap();
    }
}
