//! The disk of the one SQLite file that everything is in is full for a while.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::time::Instant;

use crate::outages::lasts;
use crate::place::Place;
use crate::process::{DEADLINE, signal};
use crate::workers::{crew, dismiss};

/// Coins in each snapshot: eight chunks.
const COINS: u32 = 400;
/// Snapshots loaded before the trouble.
const BEFORE: u32 = 2;
/// Snapshots in all.
const ALL: u32 = 40;
/// Bytes.
const DISK: &str = "64m";

/// A small disk in memory, and what fills it.
pub(crate) struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// `None`, and said so, where this user may not mount.
    pub(crate) fn mount(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).expect("a folder");
        let options = format!("size={DISK}");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(folder).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self { folder: folder.to_owned() });
        }
        lab::skip("no disk can be mounted");
        None
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    /// Leaves no room.
    fn fill(&self) {
        let mut ballast = File::create(self.ballast()).expect("a file");
        let some = vec![7; 1 << 16];
        while ballast.write_all(&some).is_ok() {}
    }

    /// Leaves room for so many bytes.
    pub(crate) fn fill_but(&self, bytes: u64) {
        self.fill();
        let ballast = File::options().write(true).open(self.ballast()).expect("the ballast");
        let size = ballast.metadata().expect("its size").len();
        ballast.set_len(size - bytes).expect("a shorter ballast");
    }

    /// Makes room.
    pub(crate) fn clear(&self) {
        std::fs::remove_file(self.ballast()).expect("the ballast");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.folder).status();
        debug_assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "`cargo xtask chaos` shows it")]
async fn private_servers_none_but_a_disk_that_is_full() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = Disk::mount(folder.path()) else { return };
    let place = Place::embedded_in(folder.path(), 8).await;
    let mut crew = crew(&place);
    place.publish(0..BEFORE, COINS).await;
    place.until_complete(BEFORE as usize).await;
    // Nobody is fast enough to be done before there is no room.
    for worker in &crew {
        signal(&worker.child, "STOP").await;
    }
    place.publish(BEFORE..ALL, COINS).await;
    disk.fill();
    for worker in &crew {
        signal(&worker.child, "CONT").await;
    }
    // What the file and its journal had is used up first.
    let full = async {
        let mut look = tokio::time::interval(Duration::from_millis(100));
        while !crew.iter().any(|worker| worker.said("the disk is full") > 0) {
            look.tick().await;
        }
    };
    tokio::time::timeout(DEADLINE, full).await.expect("somebody notices");
    let said: Vec<_> = crew.iter().map(|worker| worker.log().lines().count()).collect();
    lasts(&mut crew).await;
    for (worker, before) in crew.iter().zip(said) {
        let lines = worker.log().lines().count() - before;
        assert!(lines <= 30, "{} logged {lines} lines:\n{}", worker.name, worker.log());
    }
    let batches = place.store.ledger().batches(1000).await.expect("it can be read");
    let loaded = batches.iter().filter(|batch| batch.is_complete()).count();
    disk.clear();
    let healed = Instant::now();
    place.until_complete(loaded + 1).await;
    eprintln!("disk full: at work again {:.1} s after it ended", healed.elapsed().as_secs_f64());
    place.check(ALL, COINS).await;
    dismiss(crew).await;
}
