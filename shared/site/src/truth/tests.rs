use std::collections::BTreeMap;

use domain::{BatchId, Slot, Verdict};
use ports::store::{Dropped, Missing};
use testkit::contract::store::sample;

use super::*;

fn at(minutes: i64) -> DateTime<Utc> {
    timestamp::from_text("2026-11-22T14:00:00Z").unwrap() + TimeDelta::minutes(minutes)
}

/// The snapshot of 14:00, whole.
fn snapshot() -> BatchRecord {
    let slot = Slot::at(at(0));
    BatchRecord {
        id: BatchId::new(slot, "listings", &["USD".to_owned()]),
        slot,
        endpoint: "listings".to_owned(),
        convert: vec!["USD".to_owned()],
        simulated: false,
        fetched_at: Some(at(1)),
        transformed_at: Some(at(1)),
        loaded_at: Some(at(1)),
        pages: Some(1),
        credits: Some(25),
        verdict: None,
        dropped: None,
        is_half_dropped: false,
        coins_in: 5000,
        rejected: 0,
        written: 5000,
        unchanged: 0,
        stale: 0,
        loads: 1,
        replays: 0,
        page_replays: BTreeMap::new(),
        missing: Vec::new(),
    }
}

fn schedule() -> Schedule {
    Schedule {
        series: Schedule::QUOTES.to_owned(),
        endpoint: "listings".to_owned(),
        convert: vec!["USD".to_owned()],
        every: Duration::from_hours(1),
        coins: 5000,
        since: at(-10_000),
        simulated: false,
        confirmed_at: at(0),
    }
}

/// All is well `minutes` after 14:00, with quotes of 14:00.
fn well(minutes: i64) -> Known {
    Known {
        now: at(minutes),
        tables: Some(Facts {
            freshness: Freshness { newest_quote_at: Some(at(0)), newest_fetch_at: Some(at(1)) },
            followed: vec![schedule()],
            newest: Some(snapshot()),
            open: Vec::new(),
            in_the_way: None,
        }),
        queues: Some(QueueName::ALL.into_iter().map(|name| (name, Depth::default())).collect()),
        waiting: None,
        stale_after: StaleAfter::Auto,
        every: Duration::from_hours(1),
    }
}

fn facts(known: &mut Known) -> &mut Facts {
    known.tables.as_mut().unwrap()
}

fn newest(known: &mut Known) -> &mut BatchRecord {
    facts(known).newest.as_mut().unwrap()
}

fn queue(known: &mut Known, name: QueueName, depth: Depth) {
    known.queues.as_mut().unwrap().retain(|(queue, _)| *queue != name);
    known.queues.as_mut().unwrap().push((name, depth));
}

fn waiting(code: &str) -> Waiting {
    Waiting { code: code.to_owned(), reason: "no answer\nin time".to_owned(), since: at(60), until: at(600) }
}

fn group(stage: StageName, code: &str, reason: &str) -> AlertGroup {
    AlertGroup {
        stage: Some(stage),
        code: code.to_owned(),
        reason: reason.to_owned(),
        last_seen_at: at(60),
        ..sample::group(code, at(0))
    }
}

fn check(known: &Known, level: Level, text: &str) {
    let told = truth(known);
    assert_eq!((told.text().as_str(), told.level), (text, level));
}

#[test]
fn what_is_fresh_and_whole_is_said_in_few_words() {
    check(&well(3), Level::Good, "Fresh: 3 minutes old, complete");
    check(&well(1), Level::Good, "Fresh: 1 minute old, complete");
    check(&well(0), Level::Good, "Fresh: 0 seconds old, complete");
    // The API's clock is ahead.
    check(&well(-2), Level::Good, "Fresh: 0 seconds old, complete");
    // This machine's is behind, and would go on calling them fresh.
    let text = "Fresh: 2 hours ahead of this machine's clock, which is wrong then";
    check(&well(-120), Level::Doubtful, text);
    check(&well(64), Level::Good, "Fresh: 64 minutes old, complete");
}

#[test]
fn a_snapshot_that_is_late_is_told_before_quotes_are_old() {
    let text = "Fresh: 2 hours old, and the snapshot after that of 14:00 UTC is late";
    check(&Known { stale_after: StaleAfter::Off, ..well(125) }, Level::Doubtful, text);
}

/// As the alerter mails it: `quotes_stale` opens then, whatever the age of the quotes may be.
#[test]
fn no_whole_snapshot_in_two_intervals_is_stale() {
    check(&well(120), Level::Good, "Fresh: 2 hours old, complete");
    let text = "Stale since 14:00 UTC: no snapshot came after that of 14:00 UTC; does a fetcher run?";
    check(&well(122), Level::Bad, text);
    let mut incomplete = well(122);
    newest(&mut incomplete).missing = vec![Missing::Page(1)];
    assert_eq!(truth(&incomplete).word, "Fresh");
}

#[test]
fn stale_quotes_are_told_with_what_keeps_new_ones_away() {
    let mut known = well(300);
    check(
        &known,
        Level::Bad,
        "Stale since 14:00 UTC: no snapshot came after that of 14:00 UTC; does a fetcher run?",
    );
    known.waiting = Some(waiting("api_1010"));
    check(
        &known,
        Level::Bad,
        "Stale since 14:00 UTC: the fetcher waits for credits until 2026-11-23 00:00 UTC",
    );
    for (code, what) in [
        ("over_budget", "credits"),
        ("credits_short", "credits"),
        ("api_1008", "the API's rate limit"),
        ("http_401", "a key that the API takes"),
        ("api_1004", "the plan to be paid"),
        ("api_1006", "a plan that has the endpoint"),
        ("api_1022", "the API's rate limit"),
        ("spool_full", "room in its spool"),
        ("timeout", "the API (no answer in time)"),
    ] {
        known.waiting = Some(waiting(code));
        let text = format!("Stale since 14:00 UTC: the fetcher waits for {what} until 2026-11-23 00:00 UTC");
        check(&known, Level::Bad, &text);
    }
}

#[test]
fn a_queue_that_nobody_empties_or_that_is_away_is_what_keeps_them_away() {
    let mut known = well(300);
    let old = Depth { ready: 3, oldest_at: Some(at(60)), ..Depth::default() };
    queue(&mut known, QueueName::Rows, old);
    check(&known, Level::Bad, "Stale since 14:00 UTC: 3 chunks wait for a loader; does one run?");
    queue(&mut known, QueueName::Raw, Depth { ready: 1, ..old });
    check(&known, Level::Bad, "Stale since 14:00 UTC: 1 page waits for a transformer; does one run?");
    // A broker that does not tell how old its messages are; the alerter watched it.
    let unknown = Depth { ready: 0, unsettled: 2, ..Depth::default() };
    queue(&mut known, QueueName::Raw, unknown);
    queue(&mut known, QueueName::Rows, Depth::default());
    check(
        &known,
        Level::Bad,
        "Stale since 14:00 UTC: no snapshot came after that of 14:00 UTC; does a fetcher run?",
    );
    facts(&mut known).open.push(group(StageName::Alerter, "raw_stuck", "nothing has left the queue raw"));
    check(&known, Level::Bad, "Stale since 14:00 UTC: 2 pages wait for a transformer; does one run?");
    known.queues = None;
    let text = "the queue is away, and nothing gets from stage to stage until it is back";
    check(&known, Level::Bad, &format!("Stale since 14:00 UTC: {text}"));
    known.now = at(3);
    check(&known, Level::Doubtful, &format!("Fresh: 3 minutes old, complete; {text}"));
}

#[test]
fn work_that_has_just_come_is_no_trouble() {
    let mut known = well(3);
    queue(&mut known, QueueName::Rows, Depth { ready: 30, oldest_at: Some(at(2)), ..Depth::default() });
    check(&known, Level::Good, "Fresh: 3 minutes old, complete");
}

#[test]
fn what_the_fetcher_of_another_machine_said_is_told() {
    let mut known = well(300);
    let reason = "the API says that the monthly credits are used up [api_1010]";
    facts(&mut known).open.push(group(StageName::Fetcher, "api_1010", reason));
    check(&known, Level::Bad, &format!("Stale since 14:00 UTC: the fetcher says: {reason}"));
    // What keeps nothing away is not the reason.
    let open = &mut facts(&mut known).open;
    open.clear();
    open.push(group(StageName::Fetcher, "credits_80", "80 % are used"));
    open.push(group(StageName::Fetcher, "api_drift", "a field is new"));
    open.push(group(StageName::Loader, "http_500", "x"));
    check(
        &known,
        Level::Bad,
        "Stale since 14:00 UTC: no snapshot came after that of 14:00 UTC; does a fetcher run?",
    );
}

#[test]
fn the_newest_snapshot_is_the_reason_when_it_is_there() {
    let mut known = well(300);
    newest(&mut known).missing = vec![Missing::Page(1)];
    let text = "Stale since 14:00 UTC: the snapshot of 14:00 UTC was fetched, and is not loaded whole";
    check(&known, Level::Bad, text);
    newest(&mut known).slot = Slot::at(at(240));
    newest(&mut known).fetched_at = Some(at(298));
    check(&known, Level::Bad, "Stale since 14:00 UTC: the snapshot of 18:00 UTC is being loaded");
    newest(&mut known).fetched_at = Some(at(241));
    newest(&mut known).missing.clear();
    let text = "Stale since 14:00 UTC: the snapshot of 18:00 UTC has old quotes, as CoinMarketCap sent them";
    check(&known, Level::Bad, text);
    // Quotes of a minute before their slot are not old; nothing came for an hour.
    facts(&mut known).followed[0].every = Duration::from_mins(1);
    facts(&mut known).freshness.newest_quote_at = Some(at(239));
    let text = "Stale since 17:59 UTC: no snapshot came after that of 18:00 UTC; does a fetcher run?";
    check(&known, Level::Bad, text);
    // Nor are they when the next ones are not due yet: `stale_after` is less than the schedule's interval.
    facts(&mut known).followed[0].every = Duration::from_hours(2);
    known.stale_after = StaleAfter::After(Duration::from_mins(45));
    let text = "Stale since 17:59 UTC: the snapshot after that of 18:00 UTC is due at 20:00 UTC";
    check(&known, Level::Bad, text);
    // They were old when they came.
    known.now = at(250);
    facts(&mut known).freshness.newest_quote_at = Some(at(180));
    let text = "Stale since 17:00 UTC: the snapshot of 18:00 UTC has old quotes, as CoinMarketCap sent them";
    check(&known, Level::Bad, text);
    known.now = at(300);
    known.stale_after = StaleAfter::Auto;
    facts(&mut known).followed[0].every = Duration::from_hours(1);
    facts(&mut known).freshness.newest_quote_at = Some(at(0));
    newest(&mut known).rejected = 5000;
    let text = "Stale since 14:00 UTC: all of the snapshot of 18:00 UTC was rejected, 5,000 coins";
    check(&known, Level::Bad, text);
    // What the fetcher complained of did not keep it away.
    facts(&mut known).open.push(group(StageName::Fetcher, "over_budget", "the plan is too small"));
    check(&known, Level::Bad, text);
    facts(&mut known).open.clear();
    newest(&mut known).rejected = 0;
    newest(&mut known).dropped = Some(Dropped { at: at(250), why: "nonsense".to_owned() });
    check(&known, Level::Bad, "Stale since 14:00 UTC: the snapshot of 18:00 UTC was dropped");
    facts(&mut known).newest = None;
    check(&known, Level::Bad, "Stale since 14:00 UTC: no snapshot was fetched for long; does a fetcher run?");
    facts(&mut known).followed.clear();
    check(&known, Level::Bad, "Stale since 14:00 UTC: no fetcher has told its schedule; does one run?");
}

#[test]
fn what_lacks_something_is_not_called_complete() {
    let mut known = well(3);
    newest(&mut known).missing = vec![Missing::Page(1), Missing::Page(2)];
    let text = "Fresh: 3 minutes old, and the snapshot of 14:00 UTC is being loaded: 2 parts to come";
    check(&known, Level::Good, text);
    known.now = at(30);
    check(
        &known,
        Level::Doubtful,
        "Fresh: 30 minutes old, incomplete: 2 parts of the snapshot of 14:00 UTC missing",
    );
    newest(&mut known).missing.clear();
    let verdict = |doubt| Some(Verdict { doubt, why: "7 of 200 coins\nare missing".to_owned() });
    newest(&mut known).verdict = verdict(Doubt::Incomplete);
    check(&known, Level::Doubtful, "Fresh: 30 minutes old, incomplete: 7 of 200 coins are missing");
    newest(&mut known).verdict = verdict(Doubt::Suspect);
    check(&known, Level::Doubtful, "Fresh: 30 minutes old, suspect: 7 of 200 coins are missing");
    newest(&mut known).verdict = None;
    newest(&mut known).rejected = 18;
    let text = "Fresh: 30 minutes old, complete but for 18 of 5,000 coins that were rejected";
    check(&known, Level::Good, text);
    newest(&mut known).rejected = 5000;
    let text = "Fresh: 30 minutes old, and all of the snapshot of 14:00 UTC was rejected, 5,000 coins";
    check(&known, Level::Doubtful, text);
    facts(&mut known).newest = None;
    let text = "Fresh: 30 minutes old, filled in later or imported: no snapshot was fetched for a while";
    check(&known, Level::Doubtful, text);
}

#[test]
fn a_fetcher_that_waits_is_told_while_quotes_are_fresh() {
    let mut known = well(40);
    known.waiting = Some(waiting("api_1009"));
    let text = "Fresh: 40 minutes old, complete; the fetcher waits for credits until 2026-11-23 00:00 UTC";
    check(&known, Level::Doubtful, text);
}

#[test]
fn what_was_never_there_is_not_stale() {
    let mut known = well(3);
    known.tables = Some(Facts::default());
    let text = "No quotes yet: no fetcher has told its schedule; does one run?";
    check(&known, Level::Doubtful, text);
    facts(&mut known).followed.push(schedule());
    check(&known, Level::Doubtful, "No quotes yet: they come with the first snapshot, by 15:00 UTC");
    // They did not, and the next slot is no promise.
    known.now = at(124);
    check(&known, Level::Doubtful, "No quotes yet: they come with the first snapshot, by 17:00 UTC");
    known.now = at(125);
    let text = "no snapshot came since a fetcher told its schedule at 14:00 UTC; does one run?";
    check(&known, Level::Bad, &format!("No quotes yet: {text}"));
    // One that starts again says so.
    facts(&mut known).followed[0].confirmed_at = at(124);
    check(&known, Level::Doubtful, "No quotes yet: they come with the first snapshot, by 17:00 UTC");
    known.now = at(500);
    facts(&mut known).newest = Some(BatchRecord { rejected: 5000, ..snapshot() });
    let text = "No quotes yet: all of the snapshot of 14:00 UTC was rejected, 5,000 coins";
    check(&known, Level::Bad, text);
    facts(&mut known).newest = Some(snapshot());
    let text = "No quotes yet: no snapshot came after that of 14:00 UTC; does a fetcher run?";
    check(&known, Level::Bad, text);
    facts(&mut known).newest = None;
    known.now = at(3);
    // It came, and what became of it says more than what the fetcher complained of.
    facts(&mut known).open.push(group(StageName::Fetcher, "over_budget", "the plan is too small"));
    check(&known, Level::Bad, "No quotes yet: the fetcher says: the plan is too small");
    facts(&mut known).newest = Some(BatchRecord { rejected: 5000, ..snapshot() });
    let text = "No quotes yet: all of the snapshot of 14:00 UTC was rejected, 5,000 coins";
    check(&known, Level::Bad, text);
    facts(&mut known).newest = Some(BatchRecord { missing: vec![Missing::Page(1)], ..snapshot() });
    facts(&mut known).open.clear();
    check(&known, Level::Doubtful, "No quotes yet: the snapshot of 14:00 UTC is being loaded");
    known.now = at(30);
    let text = "No quotes yet: the snapshot of 14:00 UTC was fetched, and is not loaded whole";
    check(&known, Level::Bad, text);
    known.now = at(3);
    known.waiting = Some(waiting("http_401"));
    let text = "No quotes yet: the fetcher waits for a key that the API takes until 2026-11-23 00:00 UTC";
    check(&known, Level::Bad, text);
}

#[test]
fn a_store_that_is_away_is_all_that_is_known() {
    let mut known = well(3);
    known.tables = None;
    known.waiting = Some(waiting("http_401"));
    check(&known, Level::Bad, "The store is away: nothing can be read, or loaded, until it is back");
}

#[test]
fn how_old_is_too_old_is_what_the_alerter_says() {
    let mut known = well(50);
    known.stale_after = StaleAfter::After(Duration::from_mins(45));
    assert_eq!(truth(&known).word, "Stale");
    known.stale_after = StaleAfter::Off;
    known.now = at(100_000);
    assert_eq!(truth(&known).word, "Fresh");
    // Of the shortest schedule; of the settings while none is known.
    known.stale_after = StaleAfter::Auto;
    known.now = at(140);
    assert_eq!(truth(&known).word, "Stale");
    facts(&mut known).followed.clear();
    known.every = Duration::from_hours(24);
    assert_eq!(truth(&known).word, "Fresh");
}

/// A fetcher that fetched since has what it complained of behind it, whatever nobody closed.
#[test]
fn what_the_fetcher_complained_of_before_it_fetched_is_over() {
    let mut known = well(10);
    facts(&mut known).open = vec![AlertGroup {
        last_seen_at: at(0),
        ..group(StageName::Fetcher, "http_500", "fetching 14:00 failed; it is tried again")
    }];
    check(&known, Level::Good, "Fresh: 10 minutes old, complete");
    facts(&mut known).open[0].last_seen_at = at(5);
    check(
        &known,
        Level::Doubtful,
        "Fresh: 10 minutes old, complete; the fetcher says: fetching 14:00 failed; it is tried again",
    );
}

/// Its page died, so it is not being loaded.
#[test]
fn a_snapshot_about_which_a_letter_is_open_is_not_on_its_way() {
    let mut known = well(2);
    newest(&mut known).missing = vec![Missing::Page(1)];
    check(
        &known,
        Level::Good,
        "Fresh: 2 minutes old, and the snapshot of 14:00 UTC is being loaded: 1 part to come",
    );
    facts(&mut known).in_the_way = Some("a letter of the transformer is open, mostly_garbage".to_owned());
    check(
        &known,
        Level::Doubtful,
        "Fresh: 2 minutes old, incomplete: 1 part of the snapshot of 14:00 UTC missing; \
         a letter of the transformer is open, mostly_garbage",
    );
    facts(&mut known).freshness = Freshness::default();
    check(
        &known,
        Level::Bad,
        "No quotes yet: the snapshot of 14:00 UTC was fetched, and is not loaded whole: \
         a letter of the transformer is open, mostly_garbage",
    );
}
