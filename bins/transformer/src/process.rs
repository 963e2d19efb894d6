//! The transformer as a process runs it.

use std::sync::Arc;

use service::{Adapters, Process};

use crate::Transformer;

/// Runs the transformer until asked to stop.
pub async fn run(process: &Process, adapters: &Adapters) -> anyhow::Result<()> {
    let transformer = Transformer::new(process.config().transform.clone(), Arc::clone(&process.clock));
    process.run_stage(Arc::new(transformer), adapters).await
}
