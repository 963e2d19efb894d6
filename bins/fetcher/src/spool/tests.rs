//! The spool against crashes, damage and a second process.

mod foreign;
mod lost;
mod trouble;

use std::fs;

use domain::{ApiVersion, BatchId, DeadLetter, Headers, Slot, StageName, timestamp};
use tempfile::TempDir;

use super::*;

fn manifest(slot: &str) -> Manifest {
    let slot = Slot::at(timestamp::from_text(slot).unwrap());
    let convert = vec!["USD".to_owned()];
    Manifest {
        batch: BatchId::new(slot, "listings", &convert),
        slot,
        endpoint: "listings".to_owned(),
        api_version: ApiVersion::V3,
        convert,
        calls: Calls::One,
        limit: 250,
        page_size: 100,
        ids: Vec::new(),
        host: "127.0.0.1".to_owned(),
        pages: None,
        trace: Headers::new(),
        claim: ClaimState::Claimed,
        verdict: None,
    }
}

fn record(page: u32) -> PageRecord {
    let fetched_at = timestamp::from_text("2026-11-22T14:00:01.234Z").unwrap();
    PageRecord { page, asked: 100, rows: 100, total_count: None, credits: 1, fetched_at, simulated: false }
}

/// A spool with a batch of two pages.
fn filled() -> (TempDir, Spool, Manifest) {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path()).unwrap();
    let manifest = manifest("2026-11-22T14:00:00Z");
    spool.put_manifest(&manifest).unwrap();
    spool.put_page(&manifest, &record(2), b"two\nlines").unwrap();
    spool.put_page(&manifest, &record(1), b"").unwrap();
    (dir, spool, manifest)
}

/// The body of a page with which nothing is wrong.
fn body(spool: &Spool, manifest: &Manifest, page: u32) -> String {
    let Found { items, aside, troubles, lost } = spool.page_body(&manifest.batch, page);
    assert_eq!((aside.len(), troubles.len(), lost.len()), (0, 0, 0));
    let [body] = &items[..] else { panic!("{items:?}") };
    String::from_utf8(body.to_vec()).unwrap()
}

fn batch_dir(spool: &Spool) -> PathBuf {
    fs::read_dir(spool.dir().join("batches")).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let (dir, spool, manifest) = filled();
    let sealed = Manifest { pages: Some(3), ..manifest };
    spool.put_manifest(&sealed).unwrap();
    drop(spool);
    let spool = Spool::open(dir.path()).unwrap();
    let found = spool.batches().unwrap();
    assert_eq!((found.items, found.aside), (vec![sealed.clone()], vec![]));
    assert_eq!(spool.pages(&sealed.batch).unwrap().items, [record(1), record(2)]);
    assert_eq!(spool.list_pages(&sealed.batch).unwrap().items, [record(1), record(2)]);
    assert_eq!(body(&spool, &sealed, 1), "");
    assert_eq!(body(&spool, &sealed, 2), "two\nlines");
    spool.finish(&sealed.batch).unwrap();
    spool.finish(&sealed.batch).unwrap();
    assert!(spool.batches().unwrap().items.is_empty());
}

#[test]
fn a_second_process_is_refused_and_told_the_file() {
    let (dir, spool, _) = filled();
    let error = Spool::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains(&dir.path().join("lock").display().to_string()), "{error}");
    assert!(error.contains("fetch.spool"), "{error}");
    drop(spool);
    Spool::open(dir.path()).unwrap();
}

#[test]
fn what_a_crash_left_unfinished_is_cleared_away() {
    let (dir, spool, manifest) = filled();
    let batch = batch_dir(&spool);
    let finished = batch.with_file_name("finished-x");
    fs::create_dir(&finished).unwrap();
    fs::write(finished.join("page-00001"), "x").unwrap();
    fs::create_dir(batch.with_file_name("just-made")).unwrap();
    fs::write(batch.join("page-00003.tmp"), "half").unwrap();
    fs::write(dir.path().join("batch.json.tmp"), "half").unwrap();
    drop(spool);
    let spool = Spool::open(dir.path()).unwrap();
    let found = spool.batches().unwrap();
    assert_eq!((found.items.len(), found.aside.len()), (1, 0));
    assert_eq!(spool.pages(&manifest.batch).unwrap().items.len(), 2);
    assert_eq!(fs::read_dir(dir.path().join("batches")).unwrap().count(), 1);
    assert!(!dir.path().join("batch.json.tmp").exists());
}

#[test]
fn a_damaged_page_is_set_aside_and_the_others_stay() {
    type Damage = fn(&mut Vec<u8>);
    let damage: [(&str, Damage); 5] = [
        ("emptied", Vec::clear),
        ("cut", |bytes| bytes.truncate(bytes.len() - 1)),
        ("one bit", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("garbage", |bytes| *bytes = vec![0xff; 100]),
        ("later version", |bytes| {
            *bytes = String::from_utf8_lossy(bytes).replace("\"version\":1", "\"version\":2").into_bytes();
        }),
    ];
    for (name, damage) in damage {
        let (dir, spool, manifest) = filled();
        let path = batch_dir(&spool).join("page-00002");
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        let found = spool.pages(&manifest.batch).unwrap();
        assert_eq!(found.items, [record(1)], "{name}");
        // The same when it is only listed; and a body of the right length is found to be wrong when it is read.
        spool.put_page(&manifest, &record(2), b"").unwrap();
        fs::write(&path, &bytes).unwrap();
        let listed = spool.list_pages(&manifest.batch).unwrap();
        let read = spool.page_body(&manifest.batch, 2);
        assert_eq!(listed.items.len(), if name == "one bit" { 2 } else { 1 }, "{name}");
        assert_eq!(listed.aside.len() + read.aside.len(), 1, "{name}");
        assert!(read.items.is_empty(), "{name}");
        let [aside] = &found.aside[..] else { panic!("{name}: {:?}", found.aside) };
        assert!(aside.path.starts_with(dir.path().join("corrupt")) && !aside.reason.is_empty(), "{aside:?}");
        assert_eq!(aside.path.extension().unwrap(), "corrupt");
        assert_eq!(fs::read(&aside.path).unwrap(), bytes, "{name}: kept for a person to look at");
        assert!(spool.pages(&manifest.batch).unwrap().aside.is_empty(), "{name}: reported once");
    }
}

#[test]
fn a_batch_without_a_readable_manifest_is_set_aside_whole() {
    for content in [None, Some(""), Some("{}"), Some(r#"{"version":7}"#), Some("[]")] {
        let (_dir, spool, manifest) = filled();
        let other = self::manifest("2026-11-22T15:00:00Z");
        let path = batch_dir(&spool).join("batch.json");
        spool.put_manifest(&other).unwrap();
        match content {
            Some(content) => fs::write(&path, content).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let found = spool.batches().unwrap();
        assert_eq!(found.items, [other], "{content:?}");
        assert_eq!(found.aside.len(), 1, "{content:?}");
        assert!(found.aside[0].path.join("page-00002").exists(), "{content:?}");
        assert!(spool.pages(&manifest.batch).unwrap().items.is_empty());
    }
}

#[test]
fn letters_wait_and_there_is_an_end_to_them() {
    let (dir, spool, _) = filled();
    let now = timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
    let letter = |occasion: usize| {
        DeadLetter::incident(StageName::Fetcher, "http_500", occasion, "because", now).into_message()
    };
    for n in 0..200 {
        assert!(spool.put_letter(&letter(n)).unwrap());
    }
    assert!(!spool.put_letter(&letter(200)).unwrap());
    assert!(spool.put_letter(&letter(7)).unwrap(), "one that is there already takes no room");
    drop(spool);
    let spool = Spool::open(dir.path()).unwrap();
    assert_eq!(spool.letters().unwrap().items.len(), 200);
    assert!(spool.letters().unwrap().items.contains(&letter(7)));
    spool.remove_letter(&letter(7).id).unwrap();
    let path = fs::read_dir(dir.path().join("letters")).unwrap().next().unwrap().unwrap().path();
    fs::write(path, "?").unwrap();
    let found = spool.letters().unwrap();
    assert_eq!((found.items.len(), found.aside.len()), (198, 1));
}

#[test]
fn names_are_safe_on_every_file_system_and_tell_batches_apart() {
    let name = names::file_name("2026-11-22T14:00:00Z/listings/../USD,€");
    assert!(name.starts_with("2026-11-22T14_00_00Z_listings____USD__."), "{name}");
    assert_ne!(names::file_name("a/b"), names::file_name("a:b"));
    assert!(names::file_name(&"x".repeat(1000)).len() < 120);
}

#[test]
fn a_batch_has_as_many_pages_as_its_limit_and_the_coins_there_are() {
    let check = |limit: u32, page_size: u32, fetched: &[(u32, u32, Option<u32>)], expected: u32| {
        let manifest = Manifest { limit, page_size, ..manifest("2026-11-22T14:00:00Z") };
        let fetched: Vec<_> = fetched
            .iter()
            .map(|&(page, rows, total_count)| PageRecord {
                rows,
                total_count,
                asked: manifest.range(page).1,
                ..record(page)
            })
            .collect();
        assert_eq!(manifest.pages_expected(&fetched), expected, "{limit}/{page_size} {fetched:?}");
    };
    check(5000, 5000, &[], 1);
    check(5001, 5000, &[], 2);
    check(250, 100, &[(1, 100, None)], 3);
    // The API has fewer coins than are asked for.
    check(250, 100, &[(1, 100, Some(120))], 2);
    check(250, 100, &[(1, 100, Some(0))], 1);
    // A page that is short or empty is the last,
    check(250, 100, &[(1, 99, None)], 1);
    check(250, 100, &[(1, 100, Some(201)), (2, 99, Some(200))], 2);
    // unless the API says that there are more coins.
    check(250, 100, &[(1, 99, Some(9000))], 3);
    check(250, 100, &[(1, 100, Some(9000)), (2, 0, Some(9000))], 3);
    check(250, 100, &[(1, 100, None), (2, 0, None)], 2);
    check(250, 100, &[(1, 0, None)], 1);
    // The last page asks for the rest only, and more than that is no harm.
    check(250, 100, &[(1, 100, None), (2, 100, None), (3, 50, None)], 3);
    check(250, 100, &[(1, 300, None)], 3);
    // What came is part of the batch, whatever the total says later.
    check(250, 100, &[(1, 100, None), (2, 100, Some(50))], 2);
    assert_eq!(manifest("2026-11-22T14:00:00Z").range(3), (201, 50));
}

/// As programs before this version wrote it, which claimed first.
#[test]
fn a_spool_of_an_older_version_is_read() {
    let (dir, spool, manifest) = filled();
    let path = batch_dir(&spool).join("batch.json");
    let json = fs::read_to_string(&path).unwrap();
    let old = json.replace(r#","claim":"claimed""#, "");
    assert_ne!(old, json);
    fs::write(&path, old).unwrap();
    fs::remove_file(dir.path().join("id")).unwrap();
    drop(spool);
    let spool = Spool::open(dir.path()).unwrap();
    assert_eq!(spool.batches().unwrap().items, [manifest]);
    assert_eq!(spool.id().len(), 16);
}
