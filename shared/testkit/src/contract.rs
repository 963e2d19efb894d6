//! The contract suites: what each port promises, as tests that every adapter passes; and what users of the tables see, as
//! tests that every database passes.

pub mod leader;
pub mod queue;
pub mod sql;
pub mod store;
