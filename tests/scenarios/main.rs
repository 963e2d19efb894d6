//! End-to-end scenarios. One binary: `market` makes numbered payloads, `oracle` says what they give, `pipeline`
//! runs the stages over any adapters in this process and `simulation` lets everything go wrong there in any
//! order; `process` runs the real programs, `programs` as a user does, `place` and `workers` many of them at once, which
//! `sharing` kills, `outages` cuts off from their servers, `replays` gives the archive, and `imports` an older table;
//! `traces` collects their traces; `memory` measures what hostile messages cost them.

mod imports;
mod market;
mod memory;
mod oracle;
mod outages;
mod pipeline;
mod place;
mod process;
mod programs;
mod replays;
mod sharing;
mod simulation;
mod traces;
mod workers;
