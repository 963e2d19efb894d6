//! The contract suites: what each port promises, as tests that every adapter passes.

pub mod leader;
pub mod queue;
pub mod store;
