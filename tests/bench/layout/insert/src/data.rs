//! Rows that look like real ones.
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use std::fmt::Write;
#[derive(Clone)]
pub struct Row {
    pub coin: u32,
    pub n: [Option<f64>; 15],
    pub pairs: Option<u32>,
    pub rank: Option<u32>,
    pub last: NaiveDateTime,
    pub fetched: NaiveDateTime,
    pub batch: std::sync::Arc<str>,
}
pub const COLUMNS: [&str; 23] = [
    "coin_id",
    "currency",
    "price",
    "volume_24h",
    "volume_change_24h",
    "percent_change_1h",
    "percent_change_24h",
    "percent_change_7d",
    "percent_change_30d",
    "percent_change_60d",
    "percent_change_90d",
    "market_cap",
    "market_cap_dominance",
    "fully_diluted_market_cap",
    "circulating_supply",
    "total_supply",
    "max_supply",
    "num_market_pairs",
    "cmc_rank",
    "missing_fields",
    "last_updated",
    "fetched_at",
    "batch_id",
];
pub struct Rng(pub u64);
impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    pub fn f(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}
fn r(x: f64, d: i32) -> f64 {
    let p = 10f64.powi(d);
    (x * p).round() / p
}
fn sig15(x: f64) -> f64 {
    format!("{x:.14e}").parse().unwrap()
}
/// One page: 5,000 coins at hour `h`. In the order of rank (coins shuffled) unless `sorted`.
pub fn page(h: i64) -> Vec<Row> {
    let start = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
    let slot = start + TimeDelta::hours(h);
    let batch: std::sync::Arc<str> = format!("{}Z/listings/USD", slot.format("%Y-%m-%dT%H:%M:%S")).into();
    let mut g = Rng(0x9e37_79b9_7f4a_7c15 ^ ((h + 1) as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9));
    for _ in 0..8 {
        g.next();
    }
    (0..5000u32)
        .map(|i| {
            let coin = 1 + i * 7 + i % 3;
            let price = (1e5 / (f64::from(i) + 1.0).powf(1.6)) * (1.0 + 0.1 * g.f());
            let cap = sig15(price * 2e7 * (1.0 + g.f()));
            let mut p = || Some(r(g.f() * 20.0 - 10.0, 2));
            let (a, b, c, d, e, f, k) = (p(), p(), p(), p(), p(), p(), p());
            let supply = (2e7 * (1.0 + g.f()) * 1e8).round() / 1e8;
            Row {
                coin,
                n: [
                    Some(price),
                    Some(sig15(cap * 0.05 * g.f())),
                    k,
                    a,
                    b,
                    c,
                    d,
                    e,
                    f,
                    Some(cap),
                    Some(r(cap / 4e12 * 100.0, 4)),
                    Some(sig15(cap * 1.1)),
                    Some(supply),
                    Some(supply * 1.1),
                    if i % 3 == 0 { None } else { Some(1e9) },
                ],
                pairs: Some(5000 / (i + 1) + 3),
                rank: Some(i + 1),
                last: slot + TimeDelta::minutes(i64::from(u8::from(i % 50 == 0)) * -7),
                fetched: slot + TimeDelta::milliseconds(2345),
                batch: batch.clone(),
            }
        })
        .collect()
}
/// As SQL literals, `(…)`.
pub fn literal(o: &mut String, w: &Row) {
    let _ = write!(o, "({},'USD'", w.coin);
    for n in w.n {
        match n {
            Some(n) => {
                let _ = write!(o, ",{n:?}");
            }
            None => o.push_str(",NULL"),
        }
    }
    let _ = write!(
        o,
        ",{},{},NULL,'{}','{}','{}')",
        w.pairs.unwrap(),
        w.rank.unwrap(),
        w.last.format("%F %T%.3f"),
        w.fetched.format("%F %T%.3f"),
        w.batch
    );
}
/// As a line of LOAD DATA.
pub fn line(o: &mut String, w: &Row) {
    let _ = write!(o, "{}\tUSD", w.coin);
    for n in w.n {
        match n {
            Some(n) => {
                let _ = write!(o, "\t{n:?}");
            }
            None => o.push_str("\t\\N"),
        }
    }
    let _ = writeln!(
        o,
        "\t{}\t{}\t\\N\t{}\t{}\t{}",
        w.pairs.unwrap(),
        w.rank.unwrap(),
        w.last.format("%F %T%.3f"),
        w.fetched.format("%F %T%.3f"),
        w.batch
    );
}
pub fn json(o: &mut String, w: &Row) {
    let _ = write!(o, "[{},\"USD\"", w.coin);
    for n in w.n {
        match n {
            Some(n) => {
                let _ = write!(o, ",{n:?}");
            }
            None => o.push_str(",null"),
        }
    }
    let _ = write!(
        o,
        ",{},{},null,\"{}\",\"{}\",\"{}\"]",
        w.pairs.unwrap(),
        w.rank.unwrap(),
        w.last.format("%F %T%.3f"),
        w.fetched.format("%F %T%.3f"),
        w.batch
    );
}
