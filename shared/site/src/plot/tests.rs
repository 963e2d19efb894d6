//! What is in a figure.

use chrono::TimeDelta;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_356_000 + seconds, 0).unwrap()
}

fn figure(shape: Shape, points: &[(i64, f64)]) -> String {
    let points = points.iter().map(|&(seconds, value)| (at(seconds), value)).collect();
    let plot = Plot {
        name: "Price <in> USD",
        summary: html! { "flat" },
        from: at(0),
        until: at(0) + TimeDelta::seconds(100),
        shape,
        write: |value| format!("{value}"),
        lines: &[("price", points)],
        ranges: Vec::new(),
    };
    plot.figure().into_string()
}

/// A point that stands for many has among them what is far from it.
#[test]
fn what_happened_between_two_points_is_seen() {
    let price = |seconds, value| (at(seconds), value);
    let plot = Plot {
        name: "Price",
        summary: html! { "a spike" },
        from: at(0),
        until: at(0) + TimeDelta::seconds(100),
        shape: Shape::Line,
        write: |value| format!("{value}"),
        lines: &[("price", vec![price(0, 1.0), price(50, 1.0), price(100, 1.0)])],
        ranges: vec![(at(0), 1.0, 1.0), (at(50), 0.0, 20.0), (at(100), 1.0, 1.0)],
    };
    let text = plot.figure().into_string();
    let band = "M0.0 190.0L500.0 0.0L1000.0 190.0L1000.0 190.0L500.0 200.0L0.0 190.0Z";
    assert!(text.contains(&format!("class=\"range\" d=\"{band}\"")), "{text}");
    assert!(text.contains(">20<") && text.contains("lowest to highest"), "the scale holds it: {text}");
    assert!(text.contains("&quot;low&quot;:[1.0,0.0,1.0]"), "{text}");
}

#[test]
fn a_line_is_broken_where_points_are_missing() {
    let text = figure(Shape::Line, &[(0, 0.0), (10, 4.0), (20, 2.0), (90, 2.0), (100, 4.0)]);
    let line = "M0.0 200.0L100.0 0.0L200.0 100.0M900.0 100.0L1000.0 0.0";
    assert!(text.contains(&format!("d=\"{line}\"")), "{text}");
    assert!(text.contains("[0.0,4.0,2.0,null,2.0,4.0]"), "{text}");
    assert!(text.contains("Price &lt;in&gt; USD") && !text.contains("<in>"), "{text}");
}

#[test]
fn an_area_ends_at_zero() {
    let text = figure(Shape::Area, &[(0, 2.0), (100, 4.0)]);
    assert!(text.contains("d=\"M0.0 200L0.0 100.0L1000.0 0.0L1000.0 200Z\""), "{text}");
}

#[test]
fn without_points_there_is_no_drawing() {
    let text = figure(Shape::Line, &[]);
    assert!(!text.contains("<svg") && text.contains("flat"), "{text}");
}
