//! Where servers live: folders below the target folder, and free ports.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use crate::keeper::{self, Keeper};
use crate::{LabError, wait};

/// Below the ports that the system gives to outgoing connections (32768 and up on Linux): a port that its
/// server left for a moment is not taken by a client that happens to connect somewhere.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// `target/services` of this checkout: everything that servers write.
pub fn services_folder() -> PathBuf {
    target_folder().join("services")
}

/// Ends private servers of this checkout that lost their owner, and removes their data. Every start does it.
pub fn sweep() {
    keeper::sweep(&private_folder());
}

/// Kills what carries the mark of `folder` (its server, dead or alive or frozen, and all the server started)
/// and removes the folder.
pub fn remove(folder: &Path) {
    keeper::remove(&folder.canonicalize().unwrap_or_else(|_| folder.to_owned()));
}

fn private_folder() -> PathBuf {
    services_folder().join("private")
}

/// The target folder that this program was built into, whatever chose it.
fn target_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let tagged = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    tagged.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), Path::to_owned)
}

/// Whether servers can be watched here, and nobody forbade them.
pub(crate) fn may_start_servers() -> bool {
    cfg!(target_os = "linux") && !is_forbidden()
}

/// Why a test that needs a private server does not get one.
pub(crate) fn why_not(missing: &str) -> String {
    if is_forbidden() {
        "it needs a server of its own, and COINPIPE_TEST_NO_SERVERS is set (`--no-services`)".to_owned()
    } else {
        format!("it needs a server of its own, and {missing} (`cargo xtask services up` may install it)")
    }
}

fn is_forbidden() -> bool {
    std::env::var_os("COINPIPE_TEST_NO_SERVERS").is_some()
}

/// An empty folder for one private server, named after `kind`.
pub(crate) fn private(kind: &str) -> Result<(PathBuf, Keeper), LabError> {
    sweep();
    let owned = wait::poll(wait::DEADLINE, || {
        let name = format!("{kind}-{}-{:04x}", std::process::id(), fastrand::u16(..));
        let folder = private_folder().join(name);
        match Keeper::own(&folder) {
            Ok(None) => None,
            Ok(Some(keeper)) => Some(Ok((folder, keeper))),
            Err(error) => Some(Err(error)),
        }
    });
    owned.unwrap_or_else(|| Err(LabError::new("no name is free in target/services/private")))
}

/// `N` different ports that nobody listens on now.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N], LabError> {
    let mut held = Vec::new();
    for _ in 0..1000 {
        let port = fastrand::u16(PORTS);
        // All are held until the last is found. A server that binds all interfaces needs it free on all.
        if let Ok(listener) = TcpListener::bind(("0.0.0.0", port)) {
            held.push((port, listener));
        }
        if held.len() == N {
            return Ok(std::array::from_fn(|at| held[at].0));
        }
    }
    Err(LabError::new("no port is free on 127.0.0.1"))
}
