//! The plot: a bar for each way's median of rows/s, a line from its slowest round to its fastest. Written by hand: it is forty
//! lines, and a library to draw bars would take longer to compile than all of xtask.

use std::fmt::Write;

use super::numbers::thousands;
use super::results::Results;

const BAR: f64 = 18.0;
const ROW: f64 = 26.0;
const LEFT: f64 = 270.0;
const WIDE: f64 = 480.0;
const TOP: f64 = 40.0;

/// Ways that load both tables, or do the same work, are ours or others'; what is ours has another colour.
fn colour(way: &str) -> &'static str {
    if way.contains("replay") {
        "#d9822b"
    } else if is_other(way) {
        "#5b7fa6"
    } else {
        "#8a9a5b"
    }
}

fn is_other(way: &str) -> bool {
    ["LOAD DATA", "executemany", "script", "sqlite3"].iter().any(|word| way.contains(word))
}

/// The plot as SVG.
pub(super) fn draw(results: &Results) -> String {
    let ways: Vec<_> = results.ways().filter(|way| results.median(way, "rows/s").is_some()).collect();
    // What never touches a table is ten times as fast, and would leave no room for the others.
    let ways: Vec<_> = ways.into_iter().filter(|way| !["clean", "encode", "decode"].contains(way)).collect();
    let most = ways.iter().flat_map(|way| results.values(way, "rows/s")).fold(1.0, f64::max);
    let height = ways.iter().fold(TOP + 10.0, |height, _| height + ROW);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"840\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"840\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"22\" font-size=\"15\">rows/s: median of the rounds, slowest to fastest</text>\n"
    );
    let mut top = TOP;
    for way in ways {
        let rates = results.values(way, "rows/s");
        let x = |rate: f64| LEFT + WIDE * rate / most;
        let rate = results.median(way, "rows/s").unwrap_or_default();
        let least = x(rates.iter().copied().fold(f64::INFINITY, f64::min));
        let highest = x(rates.iter().copied().fold(0.0, f64::max));
        let (middle, text) = (top + BAR / 2.0, top + BAR - 4.0);
        // A String takes all text.
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{text}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{top}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{}\"/>\
             <line x1=\"{least:.1}\" y1=\"{middle}\" x2=\"{highest:.1}\" y2=\"{middle}\" stroke=\"black\"/>\
             <text x=\"{:.1}\" y=\"{text}\">{}</text>",
            LEFT - 8.0,
            escaped(way),
            x(rate) - LEFT,
            colour(way),
            highest + 6.0,
            thousands(rate),
        );
        top += ROW;
    }
    svg + "</svg>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::super::results::Sample;
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_rates() {
        let mut results = Results::default();
        results.add("replay", Sample::of(100.0, 2.0));
        results.add("a < b", Sample::of(100.0, 1.0));
        results.add("live page", Sample::default().with("ms", 7.0));
        let svg = draw(&results);
        assert_eq!(svg.matches("<rect x=").count(), 2, "{svg}");
        assert!(svg.contains("width=\"240.0\"") && svg.contains("width=\"480.0\""), "{svg}");
        assert!(svg.contains("a &lt; b"), "{svg}");
    }
}
