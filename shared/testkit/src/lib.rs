//! For tests: the ports in memory ([`memory`]), clocks that a test moves ([`clock`]), a collector of traces
//! ([`spans`]), what a store holds ([`contents`], [`tables`]), and the contract suites ([`contract`]) that the ports in
//! memory and every real adapter pass. What a trait's documentation promises, the suites check; an adapter that passes them
//! can replace any other.

pub mod clock;
pub mod contents;
pub mod contract;
pub mod memory;
pub mod spans;
pub mod tables;

#[cfg(test)]
mod tests;
