//! End-to-end scenarios. One binary: `market` makes numbered payloads, `oracle` says what they give, `pipeline` runs
//! the stages over `any_store` and any queue in this process and `simulation` lets everything go wrong there in any order;
//! `process` runs the real programs, `programs` as a user does, `mistakes` as a user should not, `place` and
//! `workers` many of them at once, which `sharing` kills, `outages` cuts off from their servers, `disk` leaves
//! without room and `deletions` without their queue, before which pages stand at a `gate`; in `group_commit` one is killed within a transaction; `replays` gives them the
//! archive, and `imports` an older table; `pace` counts what an outage costs a process, `memory` what hostile
//! messages cost it, `desk` looks at what is filed and mailed, `traces` collects their traces; `kinds` is
//! the market beside its listings; `once` is one snapshot that a person waits for, `refusals` an API that refuses; `configuration` says what settings mean to them, and `crowd` that nobody who asks how
//! they are can keep them from their work; `looking` is asking, which changes nothing, and
//! `numbers` what `/metrics` shows, against the list in `metric_names`.

mod any_store;
mod configuration;
mod crowd;
mod deletions;
mod desk;
mod disk;
mod gate;
mod group_commit;
mod imports;
mod kinds;
mod looking;
mod market;
mod memory;
mod metric_names;
mod mistakes;
mod numbers;
mod once;
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
mod traces;
mod workers;
