//! The transformer as a process runs it.

use std::sync::Arc;

use service::{Process, Queues};

use crate::Transformer;

/// Runs the transformer until asked to stop.
pub async fn run(process: &Process, queues: &Queues) -> anyhow::Result<()> {
    let transformer =
        Transformer::new(process.config().transform.clone(), Arc::clone(&process.clock), &process.metrics);
    process.run_stage(Arc::new(transformer), queues).await
}
