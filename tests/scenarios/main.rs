//! End-to-end scenarios. One binary: `market` makes numbered payloads, `oracle` says what they give, `pipeline` runs
//! the stages over `any_store` and any queue in this process and `simulation` lets everything go wrong there in any order;
//! `process` runs the real programs, `programs` as a user does, `mistakes` as a user should not, `place` and
//! `workers` many of them at once, which `sharing` kills, `outages` cuts off from their servers, `disk` leaves
//! without room and `deletions` without their queue, before which pages stand at a `gate`; in `group_commit` one is killed within a transaction; `replays` gives them the
//! archive, `drops` takes a batch out, `verify` finds what somebody deleted, and `imports` an older table; `pace` counts what an outage costs a process, `memory` what hostile
//! messages cost it, `desk` looks at what is filed and mailed, `operator` does something about it, `storm` at very many letters, `trouble` at what ends, `traces` collects their traces; `kinds` is the market beside its listings;
//! `two_of_each` are two fetchers, pipelines and alerters of one gap, `two_sites` two servers of the site, of which a `visitor` asks, and `unwritable` a backfill whose tables take nothing;
//! `once` is one snapshot that a person waits for, `backfills` are gaps that one asks to be filled, `catching_up` those that fill themselves, `refusals` an API that refuses; `configuration` says what settings mean to them, and `crowd` that nobody who asks how
//! they are can keep them from their work; `looking` is asking, which changes nothing, `exports` takes quotes along, and
//! `currencies` coins by id, and one currency a request; `numbers` what `/metrics` shows, against the list in `metric_names`.

mod any_store;
mod backfills;
mod catching_up;
mod configuration;
mod crowd;
mod currencies;
mod deletions;
mod desk;
mod desk_by_hand;
mod disk;
mod drops;
mod exports;
mod first_real;
mod gaps;
mod gate;
mod group_commit;
mod half_drops;
mod imports;
mod kinds;
mod looking;
mod market;
mod market_drops;
mod memory;
mod metric_names;
mod mistakes;
mod numbers;
mod once;
mod operator;
mod oracle;
mod outages;
mod pace;
mod pipeline;
mod place;
mod process;
mod programs;
mod refusals;
mod replays;
mod sharing;
mod simulation;
mod storm;
mod traces;
mod trouble;
mod two_of_each;
mod two_sites;
mod unwritable;
mod verify;
mod visitor;
mod workers;
