//! Pieces that several views of letters have.

use chrono::{DateTime, TimeDelta, Utc};
use desk::shown_name;
use domain::{BatchId, StageName, plain_lines};
use maud::{Markup, html};
use ports::store::{AlertGroup, DeskLetter, GroupState, HourOfGroup, LetterState, Silence};

use super::filter::{Asked, may_be_asked, query, segment};
use crate::ago::ago;
use crate::context::Context;
pub(super) use crate::numbers::count;
use crate::sentence::{sentence, with_code};
use crate::trouble::Trouble;
use desk::Hidden;

/// More letters than these are not counted: that would take longer than showing them.
pub(crate) const COUNTED: u64 = 10_000;

/// Hours that are drawn of a group.
pub(super) const HOURS: usize = 24;

/// How long a silence may last: hours, and how they are called.
pub(super) const TIMES: [(u16, &str); 5] =
    [(1, "1 hour"), (4, "4 hours"), (24, "1 day"), (72, "3 days"), (168, "1 week")];

/// A count that was not counted to its end.
pub(super) fn capped(number: u64) -> String {
    if number >= COUNTED { format!("{}+", count(COUNTED)) } else { count(number) }
}

/// What stands before what is done to so many letters.
pub(super) fn with_all(number: u64) -> String {
    if number == 1 { "With it".to_owned() } else { format!("With all {}", capped(number)) }
}

/// What could not be done, above a form that has what was filled in.
pub(super) fn alert(wrong: Option<&Trouble>) -> Markup {
    html! {
        @if let Some(wrong) = wrong {
            p.alert role="alert" { (with_code(&sentence(&plain(&wrong.to_string(), 1000)))) }
        }
    }
}

/// A text from outside, of at most `most` characters, of which each character is seen.
pub(super) fn plain(text: &str, most: usize) -> String {
    domain::one_line(text, most)
}

/// Lines from outside, of which each character is seen.
pub(super) fn lines(text: &str) -> String {
    plain_lines(text).into_owned()
}

/// The address of a letter.
pub(super) fn letter_path(context: &Context, id: &str) -> String {
    context.href(&format!("/letters/{}", segment(id)))
}

/// The address of a group.
pub(super) fn group_path(context: &Context, fingerprint: &str) -> String {
    context.href(&format!("/letters/groups/{}", segment(fingerprint)))
}

/// The address of the letters about a batch; `None` where they are not chosen by it.
pub(crate) fn batch_path(context: &Context, batch: &BatchId) -> Option<String> {
    let about = query(&[("batch", batch.as_str()), ("state", "any")]);
    may_be_asked("batch", Hidden(context.hidden())).then(|| context.href(&format!("/letters{about}")))
}

/// A group's cause in words.
pub(super) fn cause(stage: Option<StageName>, class: domain::Class, code: &str) -> String {
    let stage = stage.map_or("unknown stage", StageName::as_str);
    format!("{stage}: {class}/{}", plain(code, 60))
}

/// A group's state as a word with a colour.
pub(super) fn group_state(group: &AlertGroup, silence: Option<&Silence>) -> Markup {
    match (group.state, silence) {
        (GroupState::Resolved, _) => html! { span.state.resolved { "resolved" } },
        (GroupState::Open, Some(_)) => html! { span.state.silenced { "silenced" } },
        (GroupState::Open, None) => html! { span.state.open { "open" } },
    }
}

/// A letter's state as a word with a colour.
pub(super) fn letter_state(state: LetterState) -> Markup {
    html! { span class={ "state " (state.as_str()) } { (state.as_str()) } }
}

/// When the first of the hours that are drawn begins.
pub(super) fn first_hour(now: DateTime<Utc>) -> DateTime<Utc> {
    let begins = now.timestamp().div_euclid(3600) * 3600;
    let hour = DateTime::from_timestamp(begins, 0).unwrap_or(now);
    let hours = i64::try_from(HOURS).unwrap_or(i64::MAX);
    hour - TimeDelta::hours(hours - 1)
}

/// The letters of `fingerprint` in each of the last hours, as bars.
pub(super) fn bars(hours: &[HourOfGroup], fingerprint: &str, now: DateTime<Utc>) -> Markup {
    let from = first_hour(now);
    let mut letters = [0_u64; HOURS];
    for hour in hours.iter().filter(|hour| hour.fingerprint == fingerprint) {
        let index = usize::try_from((hour.hour - from).num_hours()).ok();
        if let Some(slot) = index.and_then(|index| letters.get_mut(index)) {
            *slot = hour.letters;
        }
    }
    let (most, all) = (letters.iter().copied().max().unwrap_or(0).max(1), letters.iter().sum::<u64>());
    let told = format!(
        "{} in the last 24 hours, {} in the busiest",
        count(all),
        count(if all == 0 { 0 } else { most })
    );
    html! {
        svg.bars width="96" height="24" viewBox="0 0 96 24" role="img" aria-label=(told) {
            title { (told) }
            @for (index, number) in letters.iter().enumerate() {
                @let height = if *number == 0 { 1 } else { 2 + number * 22 / most };
                rect class=(if *number == 0 { "none" } else { "some" }) x=(index * 4) y=(24 - height) width="3" height=(height) {}
            }
        }
    }
}

/// Letters as a table.
pub(super) fn letters_table(context: &Context, letters: &[DeskLetter], now: DateTime<Utc>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Letters" {
            table.cards {
                caption { "Newest first" }
                thead { tr {
                    th scope="col" { "Letter" } th scope="col" { "State" } th scope="col" { "Died" }
                    th scope="col" { "Cause" } th scope="col" { "Reason" }
                } }
                tbody {
                    @for DeskLetter { summary, handling } in letters {
                        tr {
                            th scope="row" {
                                a href=(letter_path(context, summary.id.as_str())) { bdi { (shown_name(summary.id.as_str())) } }
                            }
                            td { (letter_state(handling.state)) }
                            td data-name="Died" {
                                (ago(now, summary.filed_at))
                                @if summary.deaths > 1 { ", " (count(summary.deaths)) " times" }
                            }
                            td { a href=(group_path(context, &summary.fingerprint)) { (cause(summary.stage, summary.class, &summary.code)) } }
                            td.reason { bdi { (plain(Hidden(context.hidden()).reason(summary.class, &summary.reason), 160)) } }
                        }
                    }
                }
            }
        }
    }
}

/// The link to what stands after the last of `letters`.
pub(super) fn older(
    context: &Context,
    path: &str,
    asked: &Asked,
    letters: &[DeskLetter],
    limit: u32,
) -> Markup {
    let is_full = letters.len() >= limit as usize;
    let Some(last) = letters.last().filter(|_| is_full) else { return html! {} };
    let key = key_text(last);
    let mut fields = asked.fields();
    fields.push(("after", &key));
    if !asked.limit.is_empty() {
        fields.push(("limit", &asked.limit));
    }
    html! { p.pages { a rel="next" href={ (context.href(path)) (query(&fields)) } { "Older letters" } } }
}

/// Where a letter stands in the list, as the parameter `after`.
pub(crate) fn key_text(letter: &DeskLetter) -> String {
    format!(
        "{}/{}",
        domain::timestamp::to_text(letter.summary.filed_at),
        shown_name(letter.summary.id.as_str())
    )
}
