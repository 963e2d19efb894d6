//! The allocator of programs with the feature `jemalloc`: it takes a fifth less of the loader's time than glibc's, and keeps less
//! memory (docs/decisions/0034).

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;
