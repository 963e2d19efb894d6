//! What makes a private server end with the test that started it, however that ends.
//!
//! Two nets. A shell waits on a pipe whose other end is in the test process: the pipe closes when that process
//! ends in any way, and the shell kills what carries the mark and removes the data. It is in a process group of
//! its own, so that Ctrl-C and a test runner's kill do not reach it. And the folder has a lock file beside it,
//! which the system unlocks when the process ends: whoever starts a server sweeps folders with unlocked files.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{LabError, mark};

/// Reads until the pipe closes or says "done"; kills and removes in the first case.
const WATCH: &str = r#"
read -r word
[ "$word" = done ] && exit 0
while pids=$(grep -lzxF "$2=$1" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3) && [ -n "$pids" ]; do
    kill -KILL $pids 2>/dev/null
    sleep 0.1
done
rm -rf "$1" "$1.lock"
"#;

/// Owns a folder and the processes that carry its mark; ends and removes them when dropped.
#[derive(Debug)]
pub(crate) struct Keeper {
    folder: PathBuf,
    watcher: Child,
    _lock: File,
}

impl Keeper {
    /// Makes and owns `folder`. None when its name is taken.
    pub(crate) fn own(folder: &Path) -> Result<Option<Self>, LabError> {
        let making = format!("make {}", folder.display());
        std::fs::create_dir_all(folder.parent().unwrap_or(Path::new("/"))).map_err(LabError::io(&making))?;
        // First the lock, then the folder: a sweeper never sees a folder without an owner.
        let lock = File::create_new(lock_file(folder));
        let Ok(lock) = lock else { return Ok(None) };
        if lock.try_lock().is_err() {
            return Ok(None);
        }
        std::fs::create_dir(folder).map_err(LabError::io(&making))?;
        let watcher = Command::new("sh")
            .args(["-c", WATCH, "lab-watcher"])
            .arg(folder)
            .arg(mark::MARK)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .env_remove(mark::MARK)
            .spawn()
            .map_err(LabError::io("start a shell"))?;
        Ok(Some(Self { folder: folder.to_owned(), watcher, _lock: lock }))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        remove(&self.folder);
        if let Some(mut stdin) = self.watcher.stdin.take() {
            let _ = stdin.write_all(b"done\n");
        }
        let _ = self.watcher.wait();
    }
}

/// Kills what belongs to `folder` and removes it with its lock file.
pub(crate) fn remove(folder: &Path) {
    mark::kill_all(folder);
    let _ = std::fs::remove_dir_all(folder);
    let _ = std::fs::remove_file(lock_file(folder));
}

/// Ends and removes every server in `folder` whose owner is gone.
pub(crate) fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.extension().is_some_and(|extension| extension == "lock")
            && let Ok(lock) = File::open(&path)
            && lock.try_lock().is_ok()
        {
            remove(&path.with_extension(""));
        }
    }
}

fn lock_file(folder: &Path) -> PathBuf {
    let mut path = folder.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}
