//! What is known of a coin, as tables.

use domain::{Measure, one_line};
use maud::{Markup, html};
use ports::store::PastQuote;

use super::Looked;
use crate::ago::ago;
use crate::context::Context;
use crate::numbers::{NONE, amount, change, price};

/// The longest text that is shown whole, in characters.
const LONGEST: usize = 200;
/// Tags that are shown, at most.
const TAGS: usize = 30;

/// What CoinMarketCap verified, in the order of interest.
const NUMBERS: [(Measure, &str); 17] = [
    (Measure::CmcRank, "Rank"),
    (Measure::MarketCap, "Market cap"),
    (Measure::MarketCapDominance, "Part of the whole market"),
    (Measure::FullyDilutedMarketCap, "Fully diluted market cap"),
    (Measure::Volume24h, "Volume of 24 hours"),
    (Measure::VolumeChange24h, "Change of the volume"),
    (Measure::PercentChange1h, "Price, 1 hour"),
    (Measure::PercentChange24h, "Price, 24 hours"),
    (Measure::PercentChange7d, "Price, 7 days"),
    (Measure::PercentChange30d, "Price, 30 days"),
    (Measure::PercentChange60d, "Price, 60 days"),
    (Measure::PercentChange90d, "Price, 90 days"),
    (Measure::CirculatingSupply, "Circulating supply"),
    (Measure::TotalSupply, "Total supply"),
    (Measure::MaxSupply, "Most there can be"),
    (Measure::NumMarketPairs, "Market pairs"),
    (Measure::Tvl, "Locked in its protocol"),
];

const SELF_REPORTED: [(Measure, &str); 2] = [
    (Measure::SelfReportedCirculatingSupply, "Circulating supply"),
    (Measure::SelfReportedMarketCap, "Market cap"),
];

/// The price now, and how old it is.
pub(super) fn headline(context: &Context, looked: &Looked) -> Markup {
    let quote = &looked.quote.quote;
    let now = context.now();
    html! {
        p.headline {
            strong {
                @match quote.get(Measure::Price) {
                    Some(number) => { (amount(Measure::Price, Some(number))) " " (quote.currency) }
                    None => { "no price" }
                }
            }
            " " (change(quote.get(Measure::PercentChange24h))) " in 24 hours"
        }
        p.note {
            "Changed " (ago(now, quote.last_updated)) ", last seen " (ago(now, looked.quote.fetched_at))
            " with " code { (looked.quote.batch.as_str()) } "."
            @if !looked.record.is_listed { " " strong { "It is not in the newest snapshot: it left the listing." } }
        }
    }
}

/// The numbers of the newest quote.
pub(super) fn numbers(looked: &Looked) -> Markup {
    let quote = &looked.quote.quote;
    let row = |&(measure, name): &(Measure, &str)| {
        html! {
            tr {
                th scope="row" { (name) }
                td {
                    @if quote.missing.contains(measure) { span.note { "not sent" } }
                    @else if measure == Measure::MarketCapDominance {
                        @match quote.get(measure) { Some(part) => { (price(part)) " %" } None => { (NONE) } }
                    }
                    @else { (amount(measure, quote.get(measure))) }
                }
            }
        }
    };
    html! {
        div {
            table.facts {
                caption { "Numbers, in " (quote.currency) }
                tbody { @for line in &NUMBERS { (row(line)) } }
            }
            table.facts.reported {
                caption { "Self-reported" }
                tbody { @for line in &SELF_REPORTED { (row(line)) } }
            }
            p.note { "What the project says of itself. CoinMarketCap has not verified it; the cap is in USD." }
        }
    }
}

/// What the coin is.
pub(super) fn description(context: &Context, looked: &Looked) -> Markup {
    let (record, coin, now) = (&looked.record, &looked.record.coin, context.now());
    let row = |name: &str, value: Markup| html! { tr { th scope="row" { (name) } td { (value) } } };
    let text = |text: &str| html! { (one_line(text, LONGEST)) };
    html! {
        table.facts {
            caption { "What it is" }
            tbody {
                (row("Id", html! { (coin.id) }))
                (row("Symbol", text(&coin.symbol)))
                (row("Slug", text(&coin.slug)))
                @if let Some(at) = coin.date_added { (row("Listed by CoinMarketCap", ago(now, at))) }
                @if let Some(name) = &coin.platform_name { (row("Platform", text(name))) }
                @if let Some(id) = coin.platform_id {
                    (row("Coin of the platform", html! { a href=(context.href(&format!("/coins/{id}"))) { (id) } }))
                }
                @if let Some(address) = &coin.token_address { (row("Address there", html! { code { (one_line(address, LONGEST)) } })) }
                @if let Some(infinite) = coin.infinite_supply {
                    (row("Supply", text(if infinite { "has no upper bound" } else { "has an upper bound" })))
                }
                @if let Some(active) = coin.is_active { (row("Active", text(if active { "yes" } else { "no" }))) }
                (row("First seen", ago(now, record.first_seen_at)))
                (row("Last seen", ago(now, record.last_seen_at)))
                @if let Some(tags) = coin.tags.as_ref().filter(|tags| !tags.is_empty()) {
                    (row("Tags", html! {
                        ul.tags {
                            @for tag in tags.iter().take(TAGS) { li { (one_line(tag, 60)) } }
                            @if tags.len() > TAGS { li { "and " (tags.len() - TAGS) " more" } }
                        }
                    }))
                }
            }
        }
    }
}

/// What it was called.
pub(super) fn identities(context: &Context, looked: &Looked) -> Markup {
    let (now, identities) = (context.now(), &looked.record.identities);
    html! {
        section aria-labelledby="names" {
            h2 id="names" { "Names" }
            @if identities.len() < 2 {
                p { "It has had this name, symbol and slug since it was first seen." }
            } @else {
                div.scroll role="region" aria-labelledby="names" tabindex="0" {
                    table {
                        caption { "What it was called, the newest last" }
                        thead { tr {
                            th scope="col" { "First seen" } th scope="col" { "Last seen" }
                            th scope="col" { "Name" } th scope="col" { "Symbol" } th scope="col" { "Slug" }
                        } }
                        tbody {
                            @for it in identities {
                                tr {
                                    td { (ago(now, it.first_seen_at)) }
                                    td { (ago(now, it.last_seen_at)) }
                                    th scope="row" { (one_line(&it.name, LONGEST)) }
                                    td { (one_line(&it.symbol, LONGEST)) }
                                    td { (one_line(&it.slug, LONGEST)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Which batches its newest quotes are from.
pub(super) fn batches(context: &Context, looked: &Looked, quotes: &[PastQuote]) -> Markup {
    let now = context.now();
    html! {
        section aria-labelledby="batches" {
            h2 id="batches" { "Where its quotes are from" }
            @if quotes.is_empty() {
                p { "The history does not have its quotes any more; the newest one came with " code { (looked.quote.batch.as_str()) } "." }
            } @else {
                div.scroll role="region" aria-labelledby="batches" tabindex="0" {
                    table {
                        caption {
                            @if quotes.len() == 1 { "Its only quote" } @else { "Its last " (quotes.len()) " different quotes" }
                            " in " (looked.quote.quote.currency)
                        }
                        thead { tr {
                            th scope="col" { "Changed" } th scope="col" { "Price" } th scope="col" { "Last fetched" } th scope="col" { "Batch" }
                        } }
                        tbody {
                            @for it in quotes {
                                tr {
                                    td { (ago(now, it.quote.last_updated)) }
                                    td { (amount(Measure::Price, it.quote.get(Measure::Price))) }
                                    td { (ago(now, it.fetched_at)) }
                                    td { code { (it.batch.as_str()) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
