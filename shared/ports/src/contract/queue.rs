//! The contract of the queue ports.
