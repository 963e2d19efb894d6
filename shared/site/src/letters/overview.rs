//! All of it: the groups, and the letters that a filter takes.

use axum::extract::State;
use axum::response::Response;
use domain::{Class, counted};
use maud::{Markup, html};
use ports::store::{AlertGroup, GroupState, LetterFilter, Silence};

use super::filter::{Asked, may_be_asked};
use super::group::in_full;
use super::parts::{
    COUNTED, bars, capped, cause, count, first_hour, group_path, group_state, letters_table, older, plain,
    with_all,
};
use super::verbs::{Offer, verbs};
use crate::access::visitor::Visitor;
use crate::ago::ago;
use crate::context::Context;
use crate::layout::{Section, Shell};
use crate::parameters::Parameters;
use crate::trouble::Trouble;
use desk::Hidden;

/// Letters of one view.
const LETTERS: u32 = 50;
/// Groups of one view: those in which something died last.
const GROUPS: usize = 50;

pub(super) async fn view(
    State(context): State<Context>,
    Parameters(asked): Parameters<Asked>,
    visitor: Visitor,
) -> Result<Response, Trouble> {
    let (now, limit) = (context.now(), asked.limit(LETTERS)?);
    let asked = in_full(&context, asked).await?;
    let (filter, after) = (asked.filter(now, Hidden(context.hidden()))?, asked.key()?);
    let (stores, key) = (context.stores(), after.as_ref());
    let letters = context.ask(stores.desk.list(&filter, key, limit)).await?;
    let number = context.ask(stores.desk.count(&filter, COUNTED)).await?;
    // Further pages are of letters only.
    let groups = if after.is_some() {
        html! {}
    } else {
        groups(&context, &filter).await?
    };
    let shell = Shell::new(&context, "Letters", Section::Letters).await.staying_fresh();
    let path = "/letters";
    let offer = Offer {
        asked: &asked,
        with: &with_all(number),
        state: filter.state,
        can_be_sent: filter.class != Some(Class::Incident),
        here: &format!("{}{}", context.href(path), asked.query()),
    };
    let main = html! {
        p.links { a href=(context.href("/actions")) { "Who did what" } }
        (groups)
        h2 id="letters" { "Letters" }
        (form(&context, &asked))
        @if letters.is_empty() {
            p {
                "There are no such letters (" (asked.in_words()) ")."
                @if asked.fields().is_empty() {
                    " What cannot be handled is kept here, with the reason. "
                    a href={ (context.href(path)) "?state=any" } { "Those that are settled" }
                }
            }
        } @else {
            p { strong { (capped(number)) } " " (if number == 1 { "letter" } else { "letters" }) ": " (asked.in_words()) }
            (verbs(&context, &visitor, &offer))
            (letters_table(&context, &letters, now))
            (older(&context, path, &asked, &letters, limit))
        }
    };
    Ok(shell.around(&context, &main))
}

/// The groups that the filter may be about.
async fn groups(context: &Context, filter: &LetterFilter) -> Result<Markup, Trouble> {
    let (stores, now) = (context.stores(), context.now());
    let mut groups = context.ask(stores.letters.groups(None)).await?;
    let silences = context.ask(stores.silences.silences(now)).await?;
    let open = groups.iter().filter(|group| group.state == GroupState::Open).count();
    groups.retain(|group| {
        filter.group.as_ref().is_none_or(|fingerprint| *fingerprint == group.fingerprint)
            && filter.stage.is_none_or(|stage| group.stage == Some(stage))
            && filter.class.is_none_or(|class| group.class == class)
            && filter.code.as_ref().is_none_or(|code| *code == group.code)
    });
    // Open ones first; each part is in the order of the newest deaths.
    groups.sort_by_key(|group| group.state == GroupState::Resolved);
    let more = groups.len().saturating_sub(GROUPS);
    groups.truncate(GROUPS);
    let names: Vec<_> = groups.iter().map(|group| group.fingerprint.as_str()).collect();
    let hours = context.ask(stores.desk.by_hour(&names, first_hour(now))).await?;
    let silence =
        |group: &AlertGroup| silences.iter().find(|silence| silence.fingerprint == group.fingerprint);
    Ok(html! {
        h2 { "Groups" }
        @if groups.is_empty() {
            p { "No trouble of this kind ever." }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Groups" {
                table.cards {
                    caption { (open) " open in all. A group is letters with the same cause; mails are about groups." }
                    thead { tr {
                        th scope="col" { "Cause" } th scope="col" { "State" } th.number scope="col" { "Deaths" }
                        th scope="col" { "Last" } th scope="col" { "First" } th scope="col" { "24 hours" }
                    } }
                    tbody { @for group in &groups { (row(context, group, silence(group), &bars(&hours, &group.fingerprint, now))) } }
                }
            }
            @if more > 0 { p { (counted(more as u64, "more group")) ", in which nothing died for longer." } }
        }
    })
}

fn row(context: &Context, group: &AlertGroup, silence: Option<&Silence>, bars: &Markup) -> Markup {
    let now = context.now();
    html! {
        tr {
            th scope="row" {
                a href=(group_path(context, &group.fingerprint)) { (cause(group.stage, group.class, &group.code)) }
                div.reason { bdi { (plain(Hidden(context.hidden()).reason(group.class, &group.reason), 120)) } }
            }
            td { (group_state(group, silence)) }
            td.number data-name="Deaths" { (count(group.total)) }
            td data-name="Last" { (ago(now, group.last_seen_at)) }
            td data-name="First" { (ago(now, group.first_seen_at)) }
            td { (bars) }
        }
    }
}

/// The form of the filter.
fn form(context: &Context, asked: &Asked) -> Markup {
    let select = |name: &'static str, label: &'static str, is: &str, choices: &[&str]| {
        html! {
            label { (label) " "
                select name=(name) {
                    @for choice in choices {
                        @let (value, text) = choice.split_once('=').unwrap_or((choice, choice));
                        option value=(value) selected[value == is] { (text) }
                    }
                }
            }
        }
    };
    let input = |name: &'static str, label: &'static str, is: &str, hint: &'static str| {
        html! { label { (label) " " input type="text" name=(name) value=(is) placeholder=(hint); } }
    };
    let may = |name| may_be_asked(name, Hidden(context.hidden()));
    let is_narrow = !asked.fields().is_empty();
    html! {
        details.filter id="filter" open[is_narrow] {
            summary { "Filter" }
            form method="get" action=(context.href("/letters")) {
                (select("state", "State", &asked.state, &["=open", "replayed", "resolved", "dropped", "any"]))
                (select("stage", "Stage", &asked.stage, &["=any", "fetcher", "transformer", "loader", "alerter"]))
                (select("class", "Class", &asked.class,
                    &["=any", "poison", "rejected_rows", "retries_exhausted", "delivery_limit", "incident", "unknown"]))
                (input("code", "Code", &asked.code, "bad_json"))
                (input("group", "Group", &asked.group, "its name, or how it begins"))
                @if may("batch") { (input("batch", "Batch", &asked.batch, "2026-11-22T14:00:00Z/listings/USD")) }
                @if may("coin") { (input("coin", "Coin", &asked.coin, "1027")) }
                (input("since", "Since", &asked.since, "24h"))
                (input("until", "Until", &asked.until, "2026-11-22"))
                @if may("text") { (input("text", "Text", &asked.text, "in id, code, reason, headers")) }
                button type="submit" { "Show" }
                @if is_narrow { " " a href=(context.href("/letters")) { "No filter" } }
            }
        }
    }
}
