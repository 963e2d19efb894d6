//! The points of a plot as CSV. There is nothing but numbers and instants in it, so no cell can be a formula.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::timestamp;
use ports::store::ChartPoint;

use super::Looked;
use crate::numbers::exact;

const HEAD: &str =
    "first_at,last_at,first_price,lowest_price,highest_price,last_price,volume_24h,market_cap,quotes\r\n";

pub(super) fn answer(looked: &Looked, points: &[ChartPoint]) -> Response {
    let mut text = HEAD.to_owned();
    for point in points {
        let number = |number: Option<f64>| number.map(exact).unwrap_or_default();
        let cells = [
            timestamp::to_text(point.first_at),
            timestamp::to_text(point.last_at),
            exact(point.first),
            exact(point.low),
            exact(point.high),
            exact(point.last),
            number(point.volume_24h),
            number(point.market_cap),
            point.quotes.to_string(),
        ];
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    // A currency is whatever was asked for.
    let currency: String =
        looked.quote.quote.currency.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
    let name = format!("coin-{}-{currency}-{}.csv", looked.record.coin.id, looked.range.as_str());
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, text).into_response()
}
