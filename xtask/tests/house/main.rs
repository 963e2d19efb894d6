//! The rules of the house, held by tests: which crate may use which, and uses all that it asks for; no circles between files;
//! one build of what comes from outside; how large things get, and that two stores do not repeat each other.
//! `cargo xtask test house` runs them alone.

mod house_builds;
mod house_circles;
mod house_dependencies;
mod house_pairs;
mod house_sizes;
mod house_unused;
mod imports;
mod tokens;
mod workspace;
