//! The last slots as a strip of squares, what is wrong with them as a list, and the newest batches.

use maud::{Markup, html};
use ports::store::BatchRecord;

use super::overview::Overview;
use super::squares::{Square, State};
use crate::ago::ago;
use crate::context::Context;
use crate::letters::parts::batch_path;
use crate::truth::{clock, counted};

/// Slots of which something is told, at most.
const TOLD: usize = 10;
/// Batches in the table.
const BATCHES: usize = 10;

pub(super) fn section(context: &Context, all: &Overview) -> Markup {
    let squares = &all.squares;
    html! {
        section aria-labelledby="slots" {
            h2 id="slots" { "The last snapshots" }
            @if squares.is_empty() {
                p { "There is none yet. The fetcher that leads takes one when it is due, and a loader records it. " code { "coinpipe" } " runs both; where no fetcher runs, " code { "coinpipe --once" } " takes one now." }
            } @else {
                (strip(squares, all))
                (wrong(context, squares, all))
            }
            @if !all.batches.is_empty() { (batches(context, all)) }
        }
    }
}

fn strip(squares: &[Square], all: &Overview) -> Markup {
    let now = all.known.now;
    let counted = |state| squares.iter().filter(|square| square.state == state).count() as u64;
    html! {
        ol.strip {
            @for (number, square) in squares.iter().enumerate() {
                @let at = clock(square.slot.starts_at(), now);
                @let apart = if is_apart(squares, number) { " apart" } else { "" };
                li class={ "square " (class(square.state)) (apart) } title={ (at) ": " (square.state.word()) } {
                    span.hidden { (at) ": " (square.state.word()) }
                    span aria-hidden="true" { (square.state.sign()) }
                }
            }
        }
        ul.legend.states {
            @for (state, number) in State::ALL.map(|state| (state, counted(state))) {
                @if number > 0 {
                    li {
                        span class={ "square " (class(state)) } aria-hidden="true" { (state.sign()) }
                        (crate::numbers::count(number)) " " (state.word())
                    }
                }
            }
        }
        @if let (Some(first), Some(last)) = (squares.first(), squares.last()) {
            p.note { "From " (clock(first.slot.starts_at(), now)) " to " (clock(last.slot.starts_at(), now)) ", oldest first."
                @if (0..squares.len()).any(|number| is_apart(squares, number)) { " Before one with a double edge lies time without slots." } }
        }
    }
}

/// Whether time without slots lies before a square: more than before and behind. A schedule that changed is no such time.
fn is_apart(squares: &[Square], number: usize) -> bool {
    let starts_at = |place: usize| squares.get(place).map(|square| square.slot.starts_at());
    let step = |place: usize| Some(starts_at(place)? - starts_at(place.checked_sub(1)?)?);
    let steps = (number.checked_sub(1).and_then(step), step(number), step(number + 1));
    let (Some(before), Some(own), Some(behind)) = steps else { return false };
    own > before.max(behind) * 2
}

/// What there is to say of the slots that are not whole, newest first.
fn wrong(context: &Context, squares: &[Square], all: &Overview) -> Markup {
    let told =
        |square: &&Square| !matches!(square.state, State::Complete | State::Coming | State::Backfilled);
    let count = squares.iter().filter(told).count();
    let is_missed = squares.iter().any(|square| square.state == State::Missed);
    html! {
        @if count > 0 {
            ul.wrong {
                @for square in squares.iter().rev().filter(told).take(TOLD) {
                    li {
                        (clock(square.slot.starts_at(), all.known.now)) " " strong { (square.state.word()) }
                        @if !square.why.is_empty() { ": " (square.why) }
                        @if matches!(square.state, State::Troubled | State::Incomplete) {
                            @if let Some(path) = batch_path(context, &square.batch) { " · " a href=(path) { "Letters" } }
                        }
                    }
                }
                @if count > TOLD { li { "and " (counted((count - TOLD) as u64, "more slot")) } }
            }
            @if is_missed { p.note { code { "coinpipe gaps" } " lists the missed ones, and says what could fill them." } }
        }
    }
}

fn batches(context: &Context, all: &Overview) -> Markup {
    let now = all.known.now;
    html! {
        div.scroll tabindex="0" role="region" aria-label="The newest batches" {
            table {
                caption { "The newest batches; " a href=(context.href("/api/batches")) { "as JSON" } }
                thead { tr {
                    th scope="col" { "Batch" }
                    th scope="col" { "Fetched" }
                    th.number scope="col" { "Coins" }
                    th.number scope="col" { "Rejected" }
                    th.number scope="col" { "Credits" }
                    th scope="col" { "State" }
                } }
                tbody {
                    @for batch in all.batches.iter().take(BATCHES) {
                        tr {
                            th scope="row" { (batch.id.as_str()) }
                            td { @match batch.fetched_at { Some(at) => (ago(now, at)), None => (crate::numbers::NONE) } }
                            td.number { (crate::numbers::count(batch.coins_in)) }
                            td.number {
                                @match batch_path(context, &batch.id).filter(|_| batch.rejected > 0) {
                                    Some(path) => a href=(path) { (crate::numbers::count(batch.rejected)) },
                                    None => (crate::numbers::count(batch.rejected)),
                                }
                            }
                            td.number { @match batch.credits { Some(credits) => (crate::numbers::count(credits.into())), None => (crate::numbers::NONE) } }
                            td { (state(batch, all)) }
                        }
                    }
                }
            }
        }
    }
}

fn state(batch: &BatchRecord, all: &Overview) -> String {
    let square = all.squares.iter().find(|square| square.batch == batch.id);
    square
        .map_or_else(
            || if batch.is_complete() { "complete" } else { "incomplete" },
            |square| square.state.word(),
        )
        .to_owned()
}

fn class(state: State) -> &'static str {
    match state {
        State::Complete => "complete",
        State::Incomplete => "incomplete",
        State::Suspect => "suspect",
        State::Missed => "missed",
        State::Backfilled => "backfilled",
        State::Dropped => "dropped",
        State::Troubled => "troubled",
        State::Coming => "coming",
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use domain::{BatchId, Slot};

    use super::*;

    #[test]
    fn squares_that_do_not_follow_each_other_stand_apart() {
        let apart = |hours: &[i64]| -> Vec<usize> {
            let square = |&hour: &i64| {
                let slot = Slot::at(DateTime::UNIX_EPOCH + TimeDelta::hours(hour));
                let batch = BatchId::new(slot, "listings", &["USD".to_owned()]);
                Square { slot, state: State::Complete, batch, why: String::new() }
            };
            let squares: Vec<_> = hours.iter().map(square).collect();
            (0..squares.len()).filter(|&number| is_apart(&squares, number)).collect()
        };
        assert_eq!(apart(&[1, 2, 3, 14, 15]), [3]);
        // Two of them are of schedules that changed.
        for hours in [&[][..], &[1], &[1, 9], &[1, 2, 4, 5], &[1, 2, 3, 12, 21], &[1, 10, 19, 20, 21]] {
            assert_eq!(apart(hours), Vec::<usize>::new(), "{hours:?}");
        }
    }
}
