//! What was in the spool and is not any more.

use super::*;

#[test]
fn a_folder_that_was_deleted_is_made_again_and_its_pages_are_missed_once() {
    let (dir, spool, manifest) = filled();
    let id = spool.id();
    fs::remove_dir_all(dir.path()).unwrap();
    let found = spool.batches().unwrap();
    assert_eq!(found.items, []);
    assert_eq!(found.lost, [Lost { batch: manifest.batch.clone(), pages: vec![1, 2] }]);
    assert_eq!(spool.batches().unwrap().lost, []);
    assert!(lock(&spool.notices).iter().any(|notice| notice.contains("was deleted")));
    // What was in it is not what is in it.
    assert_ne!(spool.id(), id);
    assert!(spool.is_called(&id) && spool.is_called(&spool.id()) && !spool.is_called("another"));
    spool.put_page(&manifest, &record(1), b"x").unwrap();
    assert_eq!(spool.batches().unwrap().items, [manifest]);
    // It is held as before.
    assert!(matches!(Spool::open(dir.path()), Err(SpoolError::Locked(_))));
    let id = spool.id();
    drop(spool);
    assert_eq!(Spool::open(dir.path()).unwrap().id(), id);
}

#[test]
fn a_batch_or_page_that_was_deleted_is_missed() {
    let (_dir, spool, manifest) = filled();
    fs::remove_file(batch_dir(&spool).join("page-00001")).unwrap();
    let found = spool.pages(&manifest.batch).unwrap();
    assert_eq!((found.items, found.lost.len()), (vec![record(2)], 1));
    assert_eq!(found.lost[0].pages, [1]);
    assert!(spool.pages(&manifest.batch).unwrap().lost.is_empty(), "once");
    fs::remove_dir_all(batch_dir(&spool)).unwrap();
    assert_eq!(spool.batches().unwrap().lost, [Lost { batch: manifest.batch.clone(), pages: vec![2] }]);
    // What was published or set aside is not missed.
    spool.put_page(&manifest, &record(1), b"x").unwrap();
    spool.finish(&manifest.batch).unwrap();
    spool.put_page(&manifest, &record(1), b"x").unwrap();
    fs::write(batch_dir(&spool).join("page-00001"), "rotten").unwrap();
    assert_eq!(spool.pages(&manifest.batch).unwrap().aside.len(), 1);
    fs::remove_file(batch_dir(&spool).join("batch.json")).unwrap();
    let found = spool.batches().unwrap();
    assert_eq!((found.items, found.lost), (vec![], vec![]));
}

/// The folder that was made again may be somebody else's by then.
#[test]
fn a_folder_that_another_process_made_again_is_its_own() {
    let (dir, spool, manifest) = filled();
    fs::remove_dir_all(dir.path()).unwrap();
    let other = Spool::open(dir.path()).unwrap();
    assert!(matches!(spool.batches(), Err(SpoolError::Locked(_))));
    assert!(matches!(spool.put_page(&manifest, &record(1), b""), Err(SpoolError::Locked(_))));
    drop(other);
    assert_eq!(spool.batches().unwrap().lost.len(), 1);
}

#[test]
fn who_is_refused_is_told_which_process_is_there_and_what_to_do() {
    let (dir, _spool, _) = filled();
    let refused = Spool::open(dir.path()).map(drop).unwrap_err().to_string();
    let lock = dir.path().join("lock");
    let holder = format!("process {} ({})", std::process::id(), lock.display());
    assert!(refused.contains(&holder) && refused.contains("stop it, or name a folder"), "{refused}");
    // One of a version that did not write it down.
    fs::write(&lock, "").unwrap();
    let refused = Spool::open(dir.path()).map(drop).unwrap_err().to_string();
    assert!(refused.contains(&format!("it ({}) holds", lock.display())), "{refused}");
}
