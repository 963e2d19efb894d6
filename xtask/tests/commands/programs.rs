//! The programs that documented commands run for real.

use std::path::Path;

/// Their names.
pub(crate) const OURS: [&str; 5] = ["coinpipe", "fetcher", "transformer", "loader", "alerter"];

/// Where the programs were built.
pub(crate) fn built() -> &'static Path {
    let folder = Path::new(env!("CARGO_BIN_EXE_xtask")).parent().expect("it is in a folder");
    for program in OURS {
        assert!(folder.join(program).exists(), "{program} is not built; run `cargo xtask test`");
    }
    folder
}
