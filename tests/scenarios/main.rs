//! End-to-end scenarios. One binary: `market` makes numbered payloads, `pipeline` runs the stages over any
//! adapters, `simulation` lets everything go wrong in any order, `process` runs the real programs.

mod market;
mod oracle;
mod pipeline;
mod process;
mod simulation;
