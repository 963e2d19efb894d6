//! The past of a coin as plots, with links to other stretches of it.

use chrono::{DateTime, Utc};
use domain::amounts;
use maud::{Markup, html};
use ports::store::ChartPoint;

use super::Looked;
use super::range::Range;
use crate::context::Context;
use crate::numbers::{change, exact, price, short};
use crate::plot::{Plot, Shape};

pub(super) fn plots(context: &Context, looked: &Looked, points: &[ChartPoint]) -> Markup {
    let currency = &looked.quote.quote.currency;
    html! {
        section aria-labelledby="past" {
            h2 id="past" { "Price and volume" }
            div.choices {
                nav aria-label="Stretch of time" {
                    @for range in Range::ALL {
                        a href=(context.href(&looked.path("", currency, range)))
                            aria-current=[(range == looked.range).then_some("true")] { (range.as_str()) }
                    }
                }
                @if looked.currencies.len() > 1 {
                    nav aria-label="Currency" {
                        @for other in &looked.currencies {
                            a href=(context.href(&looked.path("", other, looked.range)))
                                aria-current=[(other == currency).then_some("true")] { (other) }
                        }
                    }
                }
                a.download href=(context.href(&looked.path(".csv", currency, looked.range))) { "CSV of what is shown" }
            }
            @if points.is_empty() {
                p { "The history has no quotes of this time. " @if looked.range != Range::All {
                    a href=(context.href(&looked.path("", currency, Range::All))) { "All there are" } } }
            } @else {
                (price_plot(looked, points))
                (volume_plot(looked, points))
            }
        }
    }
}

fn price_plot(looked: &Looked, points: &[ChartPoint]) -> Markup {
    let low = points.iter().fold(f64::INFINITY, |low, point| low.min(point.low));
    let high = points.iter().fold(f64::NEG_INFINITY, |high, point| high.max(point.high));
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return html! {} };
    let percentage = amounts::change(first.first, last.last);
    // The first quote of the first part, then the last of each.
    let line =
        std::iter::once((first.first_at, first.first)).chain(points.iter().map(|it| (it.last_at, it.last)));
    let mut line: Vec<_> = line.collect();
    line.dedup_by_key(|point| point.0);
    // What happened between two points is seen, too; where each part has one quote, there is nothing between them.
    let mut ranges: Vec<_> = points.iter().map(|point| (point.last_at, point.low, point.high)).collect();
    if ranges.iter().all(|&(_, low, high)| low >= high) {
        ranges.clear();
    }
    let is_one = points.iter().map(|point| point.quotes).sum::<u64>() == 1;
    Plot {
        name: &format!("Price in {}", looked.quote.quote.currency),
        summary: html! {
            @if is_one {
                "one quote in this time, of " span title=(exact(last.last)) { (price(last.last)) } "; a line begins with the second"
            } @else {
                "from " span title=(exact(first.first)) { (price(first.first)) }
                " to " span title=(exact(last.last)) { (price(last.last)) }
                " (" (change(percentage)) "); lowest " span title=(exact(low)) { (price(low)) }
                ", highest " span title=(exact(high)) { (price(high)) }
            }
        },
        from: looked.span.from,
        until: looked.span.until,
        shape: Shape::Line,
        write: price,
        lines: &[("price", line)],
        ranges,
    }
    .figure()
}

fn volume_plot(looked: &Looked, points: &[ChartPoint]) -> Markup {
    let line: Vec<(DateTime<Utc>, f64)> =
        points.iter().filter_map(|point| Some((point.last_at, point.volume_24h?))).collect();
    let last = line.last().map(|point| point.1);
    Plot {
        name: &format!("Volume of 24 hours in {}", looked.quote.quote.currency),
        summary: html! {
            @match last {
                Some(last) => { "now " span title=(exact(last)) { (short(last)) } }
                None => { "there are no volumes of this time" }
            }
        },
        from: looked.span.from,
        until: looked.span.until,
        shape: Shape::Area,
        write: short,
        lines: &[("volume", line)],
        ranges: Vec::new(),
    }
    .figure()
}
