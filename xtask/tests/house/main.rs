//! The rules of the house, held by tests: which crate may use which, no circles between files, one build of what comes from
//! outside, and how large things get.
//! `cargo xtask test house` runs them alone.

mod house_builds;
mod house_circles;
mod house_dependencies;
mod house_sizes;
mod imports;
