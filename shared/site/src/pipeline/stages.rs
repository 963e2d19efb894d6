//! Stages as boxes, and the queues between them.

use chrono::{DateTime, Utc};
use domain::{QueueName, Schedule, StageName, timestamp};
use maud::{Markup, html};
use ports::Depth;
use ports::store::{Life, ProcessRecord, StageRate};

use super::overview::Overview;
use crate::ago::ago;
use crate::context::Context;
use crate::truth::{clock, counted};

pub(super) fn section(context: &Context, all: &Overview) -> Markup {
    html! {
        section aria-labelledby="stages" {
            h2 id="stages" { "Stages and queues" }
            ol.stages {
                (stage(all, StageName::Fetcher, &fetcher(all)))
                (queue(all, QueueName::Raw))
                (stage(all, StageName::Transformer, &transformer(all)))
                (queue(all, QueueName::Rows))
                (stage(all, StageName::Loader, &loader(all)))
                (queue(all, QueueName::Dead))
                (stage(all, StageName::Alerter, &alerter(context, all)))
            }
        }
    }
}

/// A stage: how many processes run it, what they did in a minute, and `more`.
fn stage(all: &Overview, stage: StageName, more: &Markup) -> Markup {
    let running = running(&all.processes, stage, all.known.now);
    let rate = rate(&running, stage);
    let name = stage.as_str();
    html! {
        li.stage {
            h3 { (name[..1].to_uppercase()) (&name[1..]) }
            @if running.is_empty() {
                @match stage {
                    // They have no store to say it in.
                    StageName::Fetcher | StageName::Transformer => p.note { "Seen by what it sends" },
                    StageName::Loader | StageName::Alerter => p.warn { "None is running" },
                }
            } @else {
                p { (counted(running.len() as u64, "process").replace("processs", "processes")) }
                p { (counted(rate.messages, "message")) @if rate.rows > 0 { ", " (counted(rate.rows, "row")) } " in the last minute" }
            }
            (more)
        }
    }
}

fn queue(all: &Overview, name: QueueName) -> Markup {
    let depths = all.known.queues.as_ref();
    let depth =
        depths.and_then(|depths| depths.iter().find(|(queue, _)| *queue == name)).map(|(_, depth)| *depth);
    html! {
        li.queue {
            h3 { span aria-hidden="true" { "→ " } "Queue " (name.as_str()) }
            @match depth {
                None => p.warn { "Cannot tell: the queue is away" },
                Some(depth) if depth.total() == 0 => p.note { "Empty" },
                Some(depth) => (waiting(depth, all.known.now)),
            }
        }
    }
}

fn waiting(depth: Depth, now: DateTime<Utc>) -> Markup {
    html! {
        p { strong { (crate::numbers::count(depth.ready)) } " ready, " (crate::numbers::count(depth.unsettled)) " in work" }
        @if depth.delayed > 0 { p { (crate::numbers::count(depth.delayed)) " to be tried again" } }
        @if let Some(at) = depth.oldest_at { p.note { "The oldest: " (ago(now, at)) } }
    }
}

fn fetcher(all: &Overview) -> Markup {
    let now = all.known.now;
    let facts = all.known.tables.as_ref();
    let fetched_at = facts.and_then(|facts| facts.newest.as_ref()?.fetched_at);
    let next = facts.and_then(|facts| next_slot(&facts.followed, now));
    html! {
        @if let Some(waiting) = &all.known.waiting { p.warn { "Waits until " (clock(waiting.until, now)) } }
        @if let Some(at) = fetched_at { p.note { "Fetched " (ago(now, at)) } }
        @match next {
            Some(at) => p.note { "Next slot: " (ago(now, at)) },
            None => p.note { "No schedule is known yet" },
        }
    }
}

/// When the next slot of the schedules that are `followed` begins; `None` when there are none.
pub fn next_slot(followed: &[Schedule], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let next = followed.iter().map(|schedule| {
        timestamp::later(domain::Slot::current(now, schedule.every).starts_at(), schedule.every)
    });
    next.min()
}

fn transformer(all: &Overview) -> Markup {
    let facts = all.known.tables.as_ref();
    let transformed_at = facts.and_then(|facts| facts.newest.as_ref()?.transformed_at);
    html! { @if let Some(at) = transformed_at { p.note { "Cleaned a page " (ago(all.known.now, at)) } } }
}

fn loader(all: &Overview) -> Markup {
    let facts = all.known.tables.as_ref();
    let loaded_at = facts.and_then(|facts| facts.newest.as_ref()?.loaded_at);
    html! { @if let Some(at) = loaded_at { p.note { "Loaded " (ago(all.known.now, at)) } } }
}

fn alerter(context: &Context, all: &Overview) -> Markup {
    let open = all.known.tables.as_ref().map_or(0, |facts| facts.open.len() as u64);
    html! {
        @if open == 0 { p.note { "No trouble is open" } }
        @else { p.warn { a href=(context.href("/letters")) { (counted(open, "group")) " of letters open" } } }
    }
}

/// Those that run `stage`.
fn running(processes: &[ProcessRecord], stage: StageName, now: DateTime<Utc>) -> Vec<&ProcessRecord> {
    let runs = |process: &&ProcessRecord| {
        process.roles.contains(&stage) && matches!(process.life(now), Life::Running | Life::Stopping)
    };
    processes.iter().filter(runs).collect()
}

/// What they did in a minute, together.
fn rate(running: &[&ProcessRecord], stage: StageName) -> StageRate {
    let rates = running.iter().flat_map(|process| &process.rates).filter(|rate| rate.stage == stage);
    rates.fold(StageRate { stage, messages: 0, rows: 0 }, |sum, rate| StageRate {
        messages: sum.messages + rate.messages,
        rows: sum.rows + rate.rows,
        ..sum
    })
}
