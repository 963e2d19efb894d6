//! What is in the spool's folder and is not the spool's.

use super::*;

/// Somebody's files in each of the spool's folders, and their content.
fn foreign_files(dir: &Path, batch: &Path) -> Vec<PathBuf> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let no_text = OsStr::from_bytes(b"\xff.json");
    let files = vec![
        dir.join("notes.tmp"),
        dir.join("README"),
        dir.join("batches/.DS_Store"),
        dir.join("batches").join(no_text),
        dir.join("batches/mine/page-00001~"),
        dir.join("letters/draft.json"),
        dir.join("letters/notes.tmp"),
        dir.join("letters").join(no_text),
        batch.join("page-00001~"),
        batch.join("page-1"),
        batch.join("page-00002.bak"),
        batch.join("batch.json~"),
        batch.join(no_text),
        batch.join("folder/page-00001"),
        dir.join("corrupt/mine"),
    ];
    for file in &files {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "mine").unwrap();
    }
    files
}

#[test]
fn what_is_not_the_spools_is_kept_whatever_happens_to_the_rest() {
    let (dir, spool, manifest) = filled();
    let batch = batch_dir(&spool);
    let files = foreign_files(dir.path(), &batch);
    std::os::unix::fs::symlink("/nowhere", dir.path().join("batches/finished-link")).unwrap();
    drop(spool);
    let spool = Spool::open(dir.path()).unwrap();
    for _ in 0..2 {
        let found = spool.batches().unwrap();
        assert_eq!((found.items, found.aside, found.troubles.len()), (vec![manifest.clone()], vec![], 0));
        let found = spool.pages(&manifest.batch).unwrap();
        assert_eq!((found.items, found.aside), (vec![record(1), record(2)], vec![]));
        assert!(spool.letters().unwrap().aside.is_empty());
    }
    for file in &files {
        assert_eq!(fs::read(file).unwrap(), b"mine", "{}", file.display());
    }
    let notices = lock(&spool.notices).clone();
    let told = |part: &str| notices.iter().filter(|notice| notice.contains(part)).count();
    assert_eq!((told("page-00002.bak"), told("draft.json"), told(".DS_Store")), (1, 1, 1), "{notices:#?}");
    // When the batch is published, what was put there is moved where it is kept.
    spool.finish(&manifest.batch).unwrap();
    assert!(!batch.exists() && spool.batches().unwrap().items.is_empty());
    let kept = fs::read_dir(dir.path().join("corrupt")).unwrap().map(|entry| entry.unwrap().path());
    let kept = kept.filter(|path| path.is_dir()).collect::<Vec<_>>();
    let [kept] = &kept[..] else { panic!("{kept:?}") };
    for name in ["page-00001~", "page-00002.bak", "batch.json~", "folder/page-00001"] {
        assert_eq!(fs::read(kept.join(name)).unwrap(), b"mine", "{name}");
    }
    assert!(!kept.join("page-00001").exists());
}

/// Nobody waits for what a pipe or a folder says.
#[test]
fn what_has_a_pages_name_and_is_no_file_is_set_aside() {
    let (dir, spool, manifest) = filled();
    let batch = batch_dir(&spool);
    fs::create_dir(batch.join("page-00003")).unwrap();
    std::os::unix::fs::symlink("nowhere", batch.join("page-00004")).unwrap();
    std::os::unix::fs::symlink("page-00005", batch.join("page-00005")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(batch.join("page-00006")).status().unwrap();
    assert!(made.success());
    let found = spool.pages(&manifest.batch).unwrap();
    assert_eq!((found.items, found.troubles.len()), (vec![record(1), record(2)], 0));
    assert_eq!(found.aside.len(), 4, "{:?}", found.aside);
    assert!(
        found.aside[0].reason.contains("page 3 of 2026-11-22T14:00:00Z/listings/USD"),
        "{:?}",
        found.aside
    );
    assert_eq!(fs::read_dir(dir.path().join("corrupt")).unwrap().count(), 4);
}
