//! The processes that said that they live.

use chrono::{DateTime, Utc};
use domain::StageName;
use maud::{Markup, html};
use ports::store::{Life, ProcessRecord};

use crate::ago::ago;

pub(super) fn section(processes: &[ProcessRecord], now: DateTime<Utc>) -> Markup {
    html! {
        section aria-labelledby="processes" {
            h2 id="processes" { "Processes" }
            @if processes.is_empty() {
                p { "No process has said that it lives. " code { "coinpipe" } ", " code { "loader" } " and " code { "alerter" } " do so every 15 seconds once they reach the store." }
            } @else {
                div.scroll tabindex="0" role="region" aria-label="Processes" {
                    table {
                        caption { "Those that have the store open, and those that ended in the last hour. A fetcher or transformer of its own has no store to say it in." }
                        thead { tr {
                            th scope="col" { "Runs" }
                            th scope="col" { "State" }
                            th scope="col" { "Started" }
                            th scope="col" { "Version" }
                            th scope="col" { "Host" }
                            th.number scope="col" { "Process" }
                            th scope="col" { "Last seen" }
                        } }
                        tbody {
                            @for process in processes {
                                tr {
                                    th scope="row" { (roles(&process.roles)) }
                                    td { (life(process.life(now))) }
                                    td { (ago(now, process.since)) }
                                    td { (process.version) }
                                    td { (process.host) }
                                    td.number { (process.pid) }
                                    td { (ago(now, process.seen_at)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn roles(roles: &[StageName]) -> String {
    if roles.len() == StageName::ALL.len() {
        return "all stages".to_owned();
    }
    roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn life(life: Life) -> Markup {
    let (class, sign, word) = match life {
        Life::Running => ("good", "●", "running"),
        Life::Stopping => ("doubtful", "▲", "stopping"),
        Life::Stopped => ("quiet", "○", "stopped"),
        Life::Gone => ("bad", "■", "gone, unasked"),
    };
    html! { span class={ "level " (class) } { span aria-hidden="true" { (sign) " " } (word) } }
}
