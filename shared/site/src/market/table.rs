//! The table of coins: what is looked for above it, its pages below.

use std::collections::BTreeMap;

use domain::{Measure, one_line};
use maud::{Markup, html};
use ports::store::{CurrencyUse, Divided, MarketColumn, MarketRow, MarketTable};

use super::filter::{Filter, SIZES};
use crate::ago::ago;
use crate::context::Context;
use crate::courses::Course;
use crate::numbers::{self, NONE};
use crate::sparkline::sparkline;

/// The longest name that is shown whole, in characters.
const LONGEST_NAME: usize = 60;
const LONGEST_SYMBOL: usize = 20;

/// Columns that are sorted by, with their short names.
const COLUMNS: [(MarketColumn, &str, &str); 7] = [
    (MarketColumn::Measure(Measure::Price), "Price", "price"),
    (MarketColumn::Measure(Measure::PercentChange1h), "1h", "change"),
    (MarketColumn::Measure(Measure::PercentChange24h), "24h", "change"),
    (MarketColumn::Measure(Measure::PercentChange7d), "7d", "change"),
    (MarketColumn::Measure(Measure::MarketCap), "Market cap", "money"),
    (MarketColumn::Measure(Measure::Volume24h), "Volume 24h", "money"),
    (MarketColumn::LastUpdated, "Age", "age"),
];

/// The courses of coins, by id.
pub(super) type Sparks = BTreeMap<u32, Course>;

/// What the view is made of.
pub(super) struct View<'a> {
    pub(super) context: &'a Context,
    pub(super) filter: &'a Filter,
    pub(super) currencies: &'a [CurrencyUse],
    pub(super) found: &'a MarketTable,
}

/// The course of a coin; `None` where there is too little to be drawn.
fn drawn(week: &Divided, sparks: &Sparks, id: u32) -> Option<Markup> {
    sparkline("7 days", week.from, week.until, sparks.get(&id)?)
}

impl View<'_> {
    /// All below the heading.
    pub(super) fn main(&self, week: &Divided, sparks: &Sparks) -> Markup {
        html! {
            (self.form())
            @if self.found.rows.is_empty() {
                (self.nothing())
            } @else {
                div.scroll role="region" aria-labelledby="coins" tabindex="0" {
                    table.coins {
                        caption id="coins" {
                            (self.caption())
                            @if !self.found.rows.iter().any(|row| drawn(week, sparks, row.coin.id).is_some()) {
                                ". The last 7 days are drawn as soon as there are quotes some hours apart, which "
                                code { "coinpipe backfill" } " fetches, too"
                            }
                        }
                        thead { (self.head()) }
                        tbody { @for row in &self.found.rows { (self.row(row, week, sparks)) } }
                    }
                }
                (self.pages())
            }
        }
    }

    fn form(&self) -> Markup {
        let filter = self.filter;
        let sort = filter.sort();
        html! {
            form.filter method="get" action=(self.context.href("/")) role="search" data-filter="" {
                label { span { "Search" }
                    input type="search" name="search" value=(one_line(filter.search(), 100)) placeholder="Name, symbol or id" maxlength="100";
                }
                label { span { "Currency" }
                    select name="currency" {
                        @for it in self.currencies {
                            option value=(it.currency) selected[it.currency == filter.currency()] { (it.currency) }
                        }
                    }
                }
                label { span { "Rows" }
                    select name="size" {
                        @if !SIZES.contains(&filter.size()) { option selected { (filter.size()) } }
                        @for size in SIZES { option selected[size == filter.size()] { (size) } }
                    }
                }
                label.check { input type="checkbox" name="gone" value="1" checked[filter.has_gone()]; " with coins that left the listing" }
                input type="hidden" name="sort" value=(sort.by.column());
                input type="hidden" name="order" value=(if sort.descending { "desc" } else { "asc" });
                button type="submit" { "Show" }
            }
        }
    }

    fn nothing(&self) -> Markup {
        let filter = self.filter;
        let all = self.context.href("/");
        html! {
            @if self.found.total > 0 {
                p { "There is no page " (filter.page()) ". " a href=(self.link(&filter.on_page(1))) { "The first page" } }
            } @else if filter.search().is_empty() {
                p { "No coin is in the newest snapshot in " (filter.currency()) "." }
            } @else {
                p { "No coin has “" (one_line(filter.search(), 100)) "” in its name, symbol or slug, or as its id. "
                    a href=(all) { "All coins" } }
            }
        }
    }

    fn caption(&self) -> Markup {
        let first = (self.filter.page() - 1) * u64::from(self.filter.size()) + 1;
        let last = first + self.found.rows.len() as u64 - 1;
        html! {
            "Coins " (numbers::count(first)) " to " (numbers::count(last)) " of " (numbers::count(self.found.total))
            ", in " (self.filter.currency())
            @if let Some(newest) = &self.found.newest {
                "; newest snapshot fetched " (ago(self.context.now(), newest.fetched_at))
            }
        }
    }

    fn link(&self, filter: &Filter) -> String {
        self.context.href(&format!("/?{}", filter.parameters()))
    }

    fn sortable(&self, by: MarketColumn, name: &str, class: &str) -> Markup {
        let sort = self.filter.sort();
        let is_sorted = sort.by == by;
        let (direction, arrow) = if sort.descending { ("descending", "▼") } else { ("ascending", "▲") };
        html! {
            th scope="col" class=(class) aria-sort=[is_sorted.then_some(direction)] {
                a href=(self.link(&self.filter.sorted_by(by))) {
                    (name) @if is_sorted { span.sorted aria-hidden="true" { (arrow) } }
                }
            }
        }
    }

    fn head(&self) -> Markup {
        html! {
            tr {
                (self.sortable(MarketColumn::Measure(Measure::CmcRank), "#", "rank"))
                th.coin scope="col" aria-sort=[self.named_sort()] {
                    (self.name_link(MarketColumn::Name, "Name")) " / " (self.name_link(MarketColumn::Symbol, "Symbol"))
                }
                @for (by, name, class) in &COLUMNS[..6] { (self.sortable(*by, name, class)) }
                th.spark scope="col" { "Last 7 days" }
                @for (by, name, class) in &COLUMNS[6..] { (self.sortable(*by, name, class)) }
            }
        }
    }

    fn named_sort(&self) -> Option<&'static str> {
        let sort = self.filter.sort();
        let is_named = matches!(sort.by, MarketColumn::Name | MarketColumn::Symbol);
        is_named.then_some(if sort.descending { "descending" } else { "ascending" })
    }

    fn name_link(&self, by: MarketColumn, name: &str) -> Markup {
        let sort = self.filter.sort();
        html! {
            a href=(self.link(&self.filter.sorted_by(by))) {
                (name)
                @if sort.by == by { span.sorted aria-hidden="true" { (if sort.descending { "▼" } else { "▲" }) } }
            }
        }
    }

    fn row(&self, row: &MarketRow, week: &Divided, sparks: &Sparks) -> Markup {
        let coin = &row.coin;
        let quote = &coin.quote;
        let parameters = format!("/coins/{}?currency={}", coin.id, self.filter.currency_parameter());
        html! {
            tr.gone[!row.is_listed] {
                td.rank {
                    @match quote.get(Measure::CmcRank) {
                        Some(rank) if row.is_listed => { (rank) }
                        _ => { (NONE) }
                    }
                }
                th.coin scope="row" {
                    a href=(self.context.href(&parameters)) {
                        span.name { (one_line(&coin.name, LONGEST_NAME)) } " "
                        span.symbol { (one_line(&coin.symbol, LONGEST_SYMBOL)) }
                    }
                    @if !row.is_listed { " " span.note { "left the listing" } }
                }
                @for (by, _, class) in &COLUMNS[..6] {
                    @if let MarketColumn::Measure(measure) = by {
                        td class=(class) { (numbers::amount(*measure, quote.get(*measure))) }
                    }
                }
                td.spark {
                    @match drawn(week, sparks, coin.id) {
                        Some(drawing) => (drawing),
                        None => span.note title="There are too few quotes of it yet" { (NONE) },
                    }
                }
                td.age { (ago(self.context.now(), quote.last_updated)) }
            }
        }
    }

    fn pages(&self) -> Markup {
        let filter = self.filter;
        let last = self.found.total.div_ceil(u64::from(filter.size())).max(1);
        let page = filter.page();
        let link = |to: u64, name: &str, rel: Option<&str>| {
            html! { a href=(self.link(&filter.on_page(to))) rel=[rel] { (name) } }
        };
        html! {
            nav.pages aria-label="Pages" {
                @if page > 1 {
                    (link(1, "First", None)) (link(page - 1, "Previous", Some("prev")))
                }
                span { "Page " (numbers::count(page)) " of " (numbers::count(last)) }
                @if page < last {
                    (link(page + 1, "Next", Some("next"))) (link(last, "Last", None))
                }
            }
        }
    }
}
