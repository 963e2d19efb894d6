//! The shell of every view: its head, its navigation, the line of truth, badges, the foot.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::assets;
use crate::context::Context;
use crate::line::line;

/// How often a view that stays fresh is asked for again, in seconds: quotes are fetched each minute at most, and what goes wrong is mailed.
const FRESH: u32 = 30;

/// Where one sees who one is here, and logs in.
const ACCESS: &str = "/login";

/// Which part of the site a view belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Coins and their quotes.
    Market,
    /// Stages, queues, slots and processes.
    Pipeline,
    /// Dead letters, and what is done about them.
    Letters,
    /// None of them.
    None,
}

/// The parts, as the navigation lists them.
const NAVIGATION: [(Section, &str, &str); 3] = [
    (Section::Market, "/", "Market"),
    (Section::Pipeline, "/pipeline", "Pipeline"),
    (Section::Letters, "/letters", "Letters"),
];

/// What surrounds a view.
pub(crate) struct Shell {
    title: String,
    section: Section,
    truth: Option<Markup>,
    is_simulated: bool,
    has_plots: bool,
    stays_fresh: bool,
}

impl Shell {
    /// The shell of a view with this `title`, which is its heading, too. Asks the store how the pipeline is.
    pub(crate) async fn new(context: &Context, title: impl Into<String>, section: Section) -> Self {
        let kinds = context.ask(context.stores().store.data_kinds()).await;
        Self {
            title: title.into(),
            section,
            truth: Some(line(context).await),
            is_simulated: kinds.is_ok_and(|kinds| kinds.simulated),
            has_plots: false,
            stays_fresh: false,
        }
    }

    /// A shell that asks the store nothing.
    pub(crate) fn without_truth(title: impl Into<String>, section: Section) -> Self {
        Self {
            title: title.into(),
            section,
            truth: None,
            is_simulated: false,
            has_plots: false,
            stays_fresh: false,
        }
    }

    /// The same, for a view with plots.
    pub(crate) fn with_plots(self) -> Self {
        Self { has_plots: true, ..self }
    }

    /// The same, for a view that a script brings up to date as long as somebody looks at it.
    pub(crate) fn staying_fresh(self) -> Self {
        Self { stays_fresh: true, ..self }
    }

    /// The whole answer, around `main`.
    pub(crate) fn around(self, context: &Context, main: &Markup) -> Response {
        let current = |section| (section == self.section).then_some("page");
        let markup = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width,initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · coinpipe" }
                    link rel="icon" href=(context.href(&assets::path("icon.svg"))) type="image/svg+xml";
                    link rel="stylesheet" href=(context.href(&assets::path("site.css")));
                    @if self.has_plots {
                        link rel="stylesheet" href=(context.href(&assets::path("uplot.css")));
                        script src=(context.href(&assets::path("uplot.js"))) defer {}
                    }
                    script src=(context.href(&assets::path("site.js"))) defer {}
                    @if self.stays_fresh { script src=(context.href(&assets::path("fresh.js"))) defer {} }
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header {
                        a.home href=(context.href("/")) { "coinpipe" }
                        @if self.is_simulated { strong.badge.simulated { "SIMULATED" } }
                        @let environment = context.environment();
                        @if !environment.is_empty() { strong.badge { (environment) } }
                        nav.parts aria-label="Parts of the site" {
                            @for (section, path, name) in NAVIGATION {
                                a href=(context.href(path)) aria-current=[current(section)] { (name) }
                            }
                        }
                    }
                    @if let Some(truth) = &self.truth { p.truth { (truth) } }
                    main id="main" data-fresh=[self.stays_fresh.then_some(FRESH)] {
                        h1 { (self.title) }
                        (main)
                    }
                    @if self.stays_fresh { (switch()) }
                    footer {
                        "coinpipe " (env!("CARGO_PKG_VERSION")) " · "
                        a href=(context.href(ACCESS)) { "Access" }
                    }
                }
            }
        };
        ([(header::CACHE_CONTROL, "no-store")], markup).into_response()
    }
}

/// What says that the view stays fresh, and stops that. Its place is kept from the start, so nothing moves when the script writes into it.
fn switch() -> Markup {
    html! {
        div.fresh {
            span.state-of { noscript { "As it was when it was loaded." } }
            button type="button" hidden { "Pause" }
            span.hidden #said role="status" {}
        }
    }
}
