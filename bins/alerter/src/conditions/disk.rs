//! A disk of this machine that is nearly full, before what is on it stops working.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;

use async_trait::async_trait;
use bytesize::ByteSize;
use chrono::{DateTime, Utc};
use config::Config;
use domain::timestamp;
use ports::StoreError;

use super::{Condition, Finding, Look};

/// Free bytes of the disk that a folder is on; `None` when that cannot be told.
type Room = fn(&Path) -> Option<u64>;

pub(super) struct Disk {
    folders: Vec<PathBuf>,
    least: u64,
    room: Room,
    /// The folder whose disk is low.
    low: Mutex<Option<PathBuf>>,
}

impl Disk {
    /// Tells of the disks on which the spool, and a queue and a store that are files, are or would be.
    pub(super) fn new(config: &Config) -> Self {
        let files = [&config.queue.url, &config.store.url].into_iter().filter_map(service::file_of);
        // What holds a file is what has to have room.
        let folders = files.map(|file| file.parent().map_or_else(PathBuf::new, Path::to_path_buf));
        let folders = folders.chain([config.fetch.spool.clone()]);
        let folders =
            folders.map(|folder| std::path::absolute(Path::new(".").join(&folder)).unwrap_or(folder));
        let folders = folders.collect();
        Self { folders, least: config.alert.disk_free, room, low: Mutex::default() }
    }

    /// The folder whose disk has too little room, and how much that is. A disk that was low is low until it has a tenth more, so
    /// that what is about at the limit does not come and go.
    fn low(&self) -> Option<(PathBuf, u64)> {
        let mut low = self.low.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self.folders.iter().find_map(|folder| {
            let room = (self.room)(folder)?;
            let margin = if low.as_ref() == Some(folder) { self.least / 10 } else { 0 };
            (room < self.least.saturating_add(margin)).then(|| (folder.clone(), room))
        });
        *low = found.as_ref().map(|(folder, _)| folder.clone());
        found
    }
}

#[async_trait]
impl Condition for Disk {
    fn code(&self) -> &'static str {
        "disk_nearly_full"
    }

    fn end(&self) -> &'static str {
        "there is room on the disk again"
    }

    async fn look(&self, now: DateTime<Utc>) -> Result<Look, StoreError> {
        Ok(match self.low() {
            None => Look::Fine,
            Some((folder, room)) => Look::Wrong(Finding {
                // Whoever resolved it by hand is told again the next day.
                occasion: format!("{}/{}", folder.display(), now.date_naive()),
                reason: format!(
                    "the disk of \"{}\" is nearly full: {} are free at {}, and less than {} is too little [alert.disk_free]; when it is \
                     full, nothing is written any more, and what is fetched waits until it has room",
                    folder.display(),
                    ByteSize(room).display().iec(),
                    timestamp::to_text(now),
                    ByteSize(self.least).display().iec(),
                ),
            }),
        })
    }
}

fn room(folder: &Path) -> Option<u64> {
    // A folder that is not there is not made yet: what it will be in is.
    let there = folder.ancestors().find(|folder| folder.is_dir());
    let disk = rustix::fs::statvfs(there.unwrap_or(Path::new("."))).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(least: u64, room: Room) -> Disk {
        Disk { folders: vec!["/a".into(), "/b".into()], least, room, low: Mutex::default() }
    }

    async fn look(disk: &Disk) -> Look {
        disk.look(timestamp::from_text("2026-11-22T14:00:00Z").unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn the_disk_that_has_too_little_room_is_named() {
        let low = disk(1 << 30, |folder| Some(if folder.ends_with("b") { 1 << 20 } else { 1 << 40 }));
        let Look::Wrong(Finding { occasion, reason }) = look(&low).await else { panic!("it is low") };
        assert_eq!(occasion, "/b/2026-11-22");
        assert!(reason.contains("disk of \"/b\"") && reason.contains("1.0 MiB are free"), "{reason}");
        let unknown = disk(1 << 30, |_| None);
        assert_eq!(look(&unknown).await, Look::Fine);
        let off = disk(0, |_| Some(0));
        assert_eq!(look(&off).await, Look::Fine);
    }

    #[tokio::test]
    async fn a_disk_at_the_limit_does_not_come_and_go() {
        let mut disk = disk(1000, |_| Some(999));
        assert!(matches!(look(&disk).await, Look::Wrong(_)));
        disk.room = |_| Some(1050);
        assert!(matches!(look(&disk).await, Look::Wrong(_)));
        disk.room = |_| Some(1100);
        assert_eq!(look(&disk).await, Look::Fine);
        disk.room = |_| Some(1050);
        assert_eq!(look(&disk).await, Look::Fine);
    }

    #[test]
    fn a_real_folder_and_one_that_is_not_made_yet_have_room() {
        let folder = tempfile::tempdir().unwrap();
        assert!(room(folder.path()).unwrap() > 0);
        assert!(room(&folder.path().join("a/b")).unwrap() > 0 && room(Path::new("not/there")).unwrap() > 0);
    }
}
