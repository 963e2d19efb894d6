//! A disk that does not give or take something now.

use super::*;

/// What fails, and with which error.
fn break_disk(spool: &Spool, op: Op, part: &'static str, errno: i32) {
    spool.disk.set_fault(Some(Box::new(move |done, path| {
        let fails = done == op && path.to_string_lossy().contains(part);
        fails.then(|| io::Error::from_raw_os_error(errno))
    })));
}

fn is_untouched(dir: &TempDir) -> bool {
    fs::read_dir(dir.path().join("corrupt")).unwrap().count() == 0
}

#[test]
fn what_cannot_be_read_now_stays_where_it_is_and_the_others_are_read() {
    // EIO, EMFILE, EACCES, ENOMEM, ESTALE, and one that nobody knows.
    for errno in [5, 24, 13, 12, 116, 4000] {
        let (dir, spool, manifest) = filled();
        let other = self::manifest("2026-11-22T15:00:00Z");
        spool.put_manifest(&other).unwrap();
        break_disk(&spool, Op::Read, "page-00001", errno);
        let found = spool.pages(&manifest.batch).unwrap();
        assert_eq!((found.items, found.aside, found.lost), (vec![record(2)], vec![], vec![]), "{errno}");
        let [trouble] = &found.troubles[..] else { panic!("{:?}", found.troubles) };
        assert!(trouble.to_string().contains("page-00001"), "{trouble}");
        let listed = spool.list_pages(&manifest.batch).unwrap();
        assert_eq!(
            (listed.items, listed.aside.len(), listed.troubles.len()),
            (vec![record(2)], 0, 1),
            "{errno}"
        );
        let read = spool.page_body(&manifest.batch, 1);
        assert_eq!((read.items.len(), read.aside.len(), read.troubles.len()), (0, 0, 1), "{errno}");

        break_disk(&spool, Op::Read, "14_00_00Z_listings_USD", errno);
        let found = spool.batches().unwrap();
        assert_eq!((found.items, found.aside, found.lost), (vec![other.clone()], vec![], vec![]), "{errno}");
        assert_eq!(found.troubles.len(), 1, "{errno}");

        break_disk(&spool, Op::Read, "batches", errno);
        assert!(spool.batches().is_err() && spool.pages(&manifest.batch).is_err());

        spool.disk.set_fault(None);
        assert!(is_untouched(&dir), "{errno}");
        assert_eq!(spool.batches().unwrap().items, [manifest.clone(), other]);
        assert_eq!(spool.pages(&manifest.batch).unwrap().items, [record(1), record(2)]);
    }
}

#[test]
fn letters_that_cannot_be_read_now_stay() {
    let (dir, spool, _) = filled();
    let now = timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
    let letter = DeadLetter::incident(StageName::Fetcher, "http_500", 1, "because", now).into_message();
    spool.put_letter(&letter).unwrap();
    break_disk(&spool, Op::Read, "http_500", 5);
    let found = spool.letters().unwrap();
    assert_eq!((found.items.len(), found.aside.len(), found.troubles.len()), (0, 0, 1));
    spool.disk.set_fault(None);
    assert!(is_untouched(&dir));
    assert_eq!(spool.letters().unwrap().items, [letter]);
}

/// A real one: the memory of this process cannot be read at its beginning.
#[cfg(target_os = "linux")]
#[test]
fn a_page_on_a_disk_that_fails_is_not_damaged() {
    let (dir, spool, manifest) = filled();
    let page = batch_dir(&spool).join("page-00001");
    fs::remove_file(&page).unwrap();
    std::os::unix::fs::symlink("/proc/self/mem", &page).unwrap();
    let found = spool.pages(&manifest.batch).unwrap();
    assert_eq!((found.items, found.aside, found.troubles.len()), (vec![record(2)], vec![], 1));
    assert!(telemetry::error_chain(&found.troubles[0]).contains("the disk fails"), "{:?}", found.troubles);
    assert!(is_untouched(&dir) && page.symlink_metadata().is_ok());
}

/// What is wrong and cannot be moved away holds up nobody, and is moved when that is possible.
#[test]
fn damage_on_a_read_only_disk_is_set_aside_later() {
    let (dir, spool, manifest) = filled();
    let other = self::manifest("2026-11-22T15:00:00Z");
    spool.put_manifest(&other).unwrap();
    let batch = spool.batch_dir(&manifest.batch);
    fs::write(batch.join("page-00002"), "rotten").unwrap();
    break_disk(&spool, Op::Change, "", 30);
    let found = spool.pages(&manifest.batch).unwrap();
    assert_eq!((found.items, found.aside, found.troubles.len()), (vec![record(1)], vec![], 1));
    fs::write(batch.join("batch.json"), "rotten").unwrap();
    let found = spool.batches().unwrap();
    assert_eq!((found.items, found.aside, found.troubles.len()), (vec![other.clone()], vec![], 1));
    assert!(spool.put_manifest(&manifest).is_err() && spool.finish(&other.batch).is_err());
    spool.disk.set_fault(None);
    assert_eq!(spool.batches().unwrap().aside.len(), 1);
    assert_eq!(fs::read_dir(dir.path().join("corrupt")).unwrap().count(), 1);
}

#[test]
fn a_write_that_failed_leaves_nothing_and_the_old_file() {
    let (_dir, spool, manifest) = filled();
    let dir = batch_dir(&spool);
    // Always full: what is written there is refused with ENOSPC.
    std::os::unix::fs::symlink("/dev/full", dir.join("page-00002.tmp")).unwrap();
    let error = spool.put_page(&manifest, &record(2), b"new").unwrap_err();
    assert!(telemetry::error_chain(&error).contains("make room on the disk"), "{error:?}");
    assert!(dir.join("page-00002.tmp").symlink_metadata().is_err(), "it would take room");
    assert_eq!(body(&spool, &manifest, 2), "two\nlines");
    spool.put_page(&manifest, &record(2), b"new").unwrap();
    assert_eq!(body(&spool, &manifest, 2), "new");
}
