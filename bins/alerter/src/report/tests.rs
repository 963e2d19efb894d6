//! Each kind of mail as it is sent: the files in `golden` are what people get. `COINPIPE_GOLDEN=write` writes them anew; look at
//! the HTML in a browser then.

use std::path::Path;

use chrono::TimeDelta;
use domain::endpoint::LISTINGS;
use domain::{Class, MessageId, Slot, StageName, timestamp};
use ports::store::{AlertGroup, Freshness, GroupState, Missing};
use ports::{Depth, QueueName};
use testkit::contract::store::sample;

use super::*;
use crate::surroundings::{Database, Hole, Sample, Samples, What};

fn at(minutes: i64) -> DateTime<Utc> {
    timestamp::from_text("2026-11-22T14:00:00Z").unwrap() + TimeDelta::minutes(minutes)
}

fn now() -> DateTime<Utc> {
    at(42)
}

fn group(fingerprint: &str, code: &str, reason: &str) -> AlertGroup {
    AlertGroup {
        stage: Some(StageName::Transformer),
        class: Class::Poison,
        code: code.to_owned(),
        reason: reason.to_owned(),
        last_seen_at: at(41),
        total: 12,
        unsent: 7,
        ..sample::group(&fingerprint.repeat(32), at(2))
    }
}

fn unread() -> AlertGroup {
    group("3", "bad_json", "the page is no JSON: expected `,` or `}` at line 1 column 52711")
}

fn missed() -> AlertGroup {
    AlertGroup {
        stage: Some(StageName::Fetcher),
        class: Class::Incident,
        total: 1,
        unsent: 1,
        first_seen_at: at(2),
        last_seen_at: at(2),
        ..group(
            "a",
            "slot_missed",
            "the snapshot of slot 2026-11-22T13:00:00Z (2026-11-22T13:00:00Z/listings/USD) is missing: the fetcher that claimed it \
             died; the history has a gap there, the tables are right again with the next snapshot; `coinpipe gaps` lists what is \
             missing, and `coinpipe backfill` fetches it",
        )
    }
}

fn ended() -> AlertGroup {
    AlertGroup {
        state: GroupState::Resolved,
        unsent: 0,
        total: 3,
        resolved_at: Some(at(40)),
        resolution: Some("the quotes are fresh again".to_owned()),
        told_at: Some(at(3)),
        stage: Some(StageName::Alerter),
        class: Class::Incident,
        ..group("f", "quotes_stale", "the newest quotes are old")
    }
}

fn plan<'a>(groups: &[&'a AlertGroup], resolved: &[&'a AlertGroup]) -> MailPlan<'a> {
    MailPlan { groups: groups.to_vec(), resolved: resolved.to_vec(), capped_until: None, is_plain: false }
}

fn healthy() -> Surroundings {
    Surroundings {
        database: Some(Database {
            since: now() - TimeDelta::hours(24),
            due: Some(24),
            fetched: 24,
            holes: Vec::new(),
            last_whole: Some((Slot::at(at(0)), 9000)),
            credits: 1104,
        }),
        freshness: Some(Freshness { newest_quote_at: Some(at(39)), newest_fetch_at: Some(at(40)) }),
        queues: QueueName::ALL.into_iter().map(|name| (name, Depth::default())).collect(),
        open_groups: Some(1),
        ..Surroundings::default()
    }
}

fn what(minutes: i64) -> What {
    What { slot: Slot::at(at(minutes)), endpoint: LISTINGS.to_owned() }
}

/// Much is wrong.
fn ill() -> Surroundings {
    let mut around = healthy();
    let holes = vec![
        Hole::Parts {
            batch: what(0),
            missing: vec![Missing::Page(2), Missing::Chunk { page: 1, chunk: 3, of: 5 }],
            coins: Some(5000),
            since: Some(at(1)),
        },
        Hole::Rejected { batch: what(0), rejected: 3, of: 4000 },
        Hole::Slots { first: Slot::at(at(-180)), last: Slot::at(at(-60)), count: 3, coins: Some(9000) },
        Hole::NotSent {
            batch: What { endpoint: "map".to_owned(), ..what(-240) },
            why: "coins: 8 of 9000 are missing".to_owned(),
        },
        Hole::Slots { first: Slot::at(at(-300)), last: Slot::at(at(-300)), count: 1, coins: None },
    ];
    let database = around.database.as_mut().unwrap();
    (database.holes, database.fetched, database.last_whole) = (holes, 20, Some((Slot::at(at(-240)), 9000)));
    around.freshness = Some(Freshness { newest_quote_at: Some(at(-240)), newest_fetch_at: Some(at(1)) });
    let depth = |ready| Depth { ready, ..Depth::default() };
    around.queues =
        vec![(QueueName::Raw, depth(1250)), (QueueName::Rows, depth(0)), (QueueName::Dead, depth(2))];
    around.open_groups = Some(4);
    let letter = "dead/transformer/2026-11-22T14:00:00Z/listings/USD/p2";
    let newest = Sample {
        letter: MessageId::new(letter),
        reason: "the page is no JSON: expected `,` or `}` at line 1 column 99".to_owned(),
        filed_at: at(41),
        batch: Some("2026-11-22T14:00:00Z/listings/USD".to_owned()),
    };
    let earlier = [(31, "value at line 1 column 1"), (2, "`:` at line 7 column 3")].map(|(minutes, what)| {
        let letter = MessageId::new(format!("dead/transformer/2026-11-22T13:00:00Z/listings/USD/p{minutes}"));
        let reason = format!("the page is no JSON: expected {what}");
        Sample { letter, reason, filed_at: at(minutes), batch: None }
    });
    around.samples.insert(unread().fingerprint, Samples { newest, earlier: earlier.into() });
    around
}

fn check(name: &str, plan: &MailPlan<'_>, around: &Surroundings) {
    let Written { subject, text, html } = write(plan, around, now());
    golden(&format!("{name}.txt"), &format!("Subject: {subject}\n\n{text}"));
    if let Some(html) = html {
        golden(&format!("{name}.html"), &html);
    }
}

/// Compares `text` with the file `name`.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/golden").join(name);
    if std::env::var_os("COINPIPE_GOLDEN").is_some_and(|asked| asked == "write") {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name} differs; COINPIPE_GOLDEN=write takes what is written now");
}

#[test]
fn a_new_group() {
    check("new_group", &plan(&[&unread()], &[]), &ill());
}

/// Where the site is reached, a mail leads to what it is about.
#[test]
fn a_mail_leads_to_the_site() {
    let around =
        Surroundings { site: Some("https://coins.example/desk".to_owned()), ..Surroundings::default() };
    check("linked", &plan(&[&unread()], &[]), &around);
    let several = write(&plan(&[&unread(), &missed()], &[]), &around, now()).text;
    assert!(several.contains("  https://coins.example/desk/letters\n"), "{several}");
}

#[test]
fn several_groups() {
    let rejects = AlertGroup {
        class: Class::RejectedRows,
        code: "price_negative".to_owned(),
        unsent: 1,
        total: 3,
        ..group("7", "", "3 of 4000 coins of page 1 were rejected: 3 by price_negative")
    };
    check("several_groups", &plan(&[&unread(), &rejects, &missed()], &[]), &ill());
}

#[test]
fn an_incident() {
    check("incident", &plan(&[&missed()], &[]), &healthy());
}

/// Minutes before its slots count as missing.
#[test]
fn quotes_that_are_old() {
    let reason = "no snapshot came whole for too long in USD: the newest of all currencies are from 2026-11-22T14:38:50.000Z, and after \
                  2m somebody should know";
    let stale = AlertGroup {
        stage: Some(StageName::Alerter),
        class: Class::Incident,
        total: 1,
        unsent: 1,
        ..group("f", "quotes_stale", reason)
    };
    let mut around = healthy();
    let database = around.database.as_mut().unwrap();
    database.holes = vec![Hole::Late { first: Slot::at(at(40)), last: Slot::at(at(41)), count: 2 }];
    (database.due, database.fetched, database.last_whole) = (Some(26), 24, Some((Slot::at(at(39)), 9000)));
    check("quotes_stale", &plan(&[&stale], &[]), &around);
    for (open, resolved) in [(vec![&stale], vec![]), (vec![], vec![&stale])] {
        let text = write(&plan(&open, &resolved), &healthy(), now()).text;
        assert!(!text.contains("Nothing is missing"), "{text}");
    }
}

/// A letter is one, and an incident is none.
#[test]
fn a_subject_counts_letters_and_says_what_happened() {
    let subject = |groups: &[&AlertGroup]| write(&plan(groups, &[]), &healthy(), now()).subject;
    let missed = missed();
    assert_eq!(
        subject(&[&missed]),
        "[coinpipe] the snapshot of slot 2026-11-22T13:00:00Z is missing (fetcher: incident/slot_missed)"
    );
    let both = subject(&[&unread(), &missed]);
    assert!(both.contains("2 problems, 7 new dead letters, 1 new incident"), "{both}");
}

/// As `conditions/restarts.rs` says it.
#[test]
fn a_process_that_starts_again_and_again() {
    let restarts = AlertGroup {
        stage: Some(StageName::Alerter),
        reason: "a process starts again and again: loader on db-1.example did so 5 times in 30m without being asked to stop, last at \
                 2026-11-22T14:41:07.250Z; another one does so, too; its log says why, or who runs it: systemd, Docker or Kubernetes \
                 [alert.restarts]"
            .to_owned(),
        code: "process_restarts".to_owned(),
        first_seen_at: at(41),
        last_seen_at: at(41),
        ..missed()
    };
    check("process_restarts", &plan(&[&restarts], &[]), &healthy());
}

/// Nothing is called whole that nobody can hold against anything.
#[test]
fn a_mail_where_no_schedule_is_known() {
    let mut around = healthy();
    let database = around.database.as_mut().unwrap();
    (database.due, database.fetched, database.last_whole) = (None, 0, None);
    check("no_schedule", &plan(&[&missed()], &[]), &around);
    let mut around = ill();
    around.database.as_mut().unwrap().due = None;
    let text = write(&plan(&[&missed()], &[]), &around, now()).text;
    let told = text.replace('\n', " ");
    assert!(told.contains("nobody can tell") && told.contains("of what came this is missing"), "{text}");
    assert!(!text.contains("Nothing is missing"), "{text}");
}

/// One letter that died in each of five replays is no five letters.
#[test]
fn a_letter_that_dies_again_is_one_letter() {
    let mut around = healthy();
    let group = AlertGroup { unsent: 5, total: 7, ..unread() };
    around.letters.insert(group.fingerprint.clone(), 1);
    check("died_again", &plan(&[&group], &[]), &around);
    let ended = AlertGroup { fingerprint: group.fingerprint.clone(), ..ended() };
    let text = write(&plan(&[], &[&ended]), &around, now()).text;
    assert!(text.contains("1, which died 3 times"), "{text}");
}

#[test]
fn an_end() {
    let healthy = Surroundings { open_groups: Some(0), ..healthy() };
    check("resolved", &plan(&[], &[&ended()]), &healthy);
}

#[test]
fn an_end_beside_new_trouble() {
    check("trouble_and_end", &plan(&[&unread()], &[&ended()]), &healthy());
}

#[test]
fn trouble_that_comes_and_goes() {
    let flapping = AlertGroup { flaps: 6, flapping_since: at(-90), ..missed() };
    check("flapping", &plan(&[&flapping], &[]), &healthy());
}

#[test]
fn the_last_mail_before_a_cap() {
    let unread = unread();
    let capped = MailPlan { capped_until: Some(at(102)), ..plan(&[&unread], &[]) };
    check("capped", &capped, &healthy());
}

#[test]
fn a_mail_after_one_that_was_refused() {
    let (unread, missed) = (unread(), missed());
    let plain = MailPlan { is_plain: true, ..plan(&[&unread, &missed], &[]) };
    check("plain", &plain, &ill());
}

#[test]
fn a_mail_without_surroundings() {
    check("alone", &plan(&[&unread()], &[]), &Surroundings::default());
}

#[test]
fn the_payload_of_a_webhook() {
    let (unread, ended) = (unread(), ended());
    let plan = plan(&[&unread], &[&ended]);
    let around = ill();
    let written = write(&plan, &around, now());
    let payload = payload(&plan, &around, &written, ("coinpipe-1-webhook", "1a2b"), now());
    let payload: serde_json::Value = serde_json::from_str(&payload).unwrap();
    golden("webhook.json", &format!("{payload:#}\n"));
}

/// The same in each mail about a group on a day, and in that about its end; another one on the next day.
#[test]
fn the_headers_make_a_thread_of_a_group_and_a_day() {
    let headers_at =
        |groups: &[&AlertGroup], resolved: &[&AlertGroup], at| headers(&plan(groups, resolved), "1a2b", at);
    let all: Vec<_> = headers_at(&[&unread(), &missed()], &[], now())
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    golden("headers.txt", &all.concat());
    let root = |headers: domain::Headers| headers.get("In-Reply-To").unwrap().to_owned();
    let first = root(headers_at(&[&unread()], &[], now()));
    assert_eq!(first, root(headers_at(&[&unread(), &missed()], &[&ended()], at(500))));
    let end = AlertGroup { told_at: Some(now()), ..unread() };
    assert_eq!(first, root(headers_at(&[], &[&end], at(60 * 24))));
    assert_ne!(first, root(headers_at(&[&unread()], &[], at(60 * 24))));
    assert_ne!(first, root(headers_at(&[&missed()], &[], now())));
}

#[test]
fn a_subject_is_one_short_line_whatever_the_letter_says() {
    let wild = AlertGroup { code: "wrong\r\nBcc: all@example.com".to_owned(), ..unread() };
    let subject = write(&plan(&[&wild; 3], &[]), &Surroundings::default(), now()).subject;
    assert!(!subject.contains(['\r', '\n']), "{subject}");
    assert!(subject.chars().count() <= opening::SUBJECT_CHARS && subject.contains("21 new"), "{subject}");
}

#[test]
fn only_messages_are_said_to_be_kept() {
    let (letter, incident) = (unread(), missed());
    let begin = |groups: &[&AlertGroup]| {
        let text = write(&plan(groups, &[]), &Surroundings::default(), now()).text;
        text.lines().next().unwrap().to_owned()
    };
    assert_eq!(begin(&[&letter]), "7 messages could not be handled; they are kept.");
    // A snapshot that was given up is not kept anywhere.
    assert_eq!(begin(&[&incident]), "1 incident needs attention.");
    assert_eq!(
        begin(&[&incident, &letter]),
        "7 messages could not be handled; they are kept. 1 incident needs attention."
    );
}

#[test]
fn a_text_tells_each_group_up_to_a_limit_and_nothing_that_is_not_seen() {
    let group = AlertGroup { reason: "long\u{1b}[31m ".repeat(500), ..unread() };
    let Written { text, html, .. } = write(&plan(&[&group; 50], &[]), &Surroundings::default(), now());
    assert!(
        text.contains("7 new, 12 in all") && text.contains("and 30 more groups with 210 new letters"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}') && !html.unwrap().contains('\u{1b}'), "{text}");
}

#[test]
fn a_plain_mail_quotes_nothing_from_outside_and_counts_all_the_same() {
    let group = AlertGroup { code: "Bcc".to_owned(), reason: "cheap pills".to_owned(), ..unread() };
    let plain = MailPlan { is_plain: true, ..plan(&[&group; 2], &[]) };
    let Written { subject, text, html } = write(&plain, &ill(), now());
    let text = format!("{subject}\n{text}");
    assert!(!text.contains("pills") && !text.contains("Bcc") && html.is_none(), "{text}");
    let fingerprint = group.fingerprint.as_str();
    for part in [
        "2 problems, 14 new dead letters",
        "refused the last mail",
        "poison",
        "7 new, 12 in all",
        fingerprint,
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn a_summary() {
    let well = SummedUp {
        period: "the week from 2026-11-16".to_owned(),
        due: Some(168),
        fetched: 168,
        letters: 3,
        credits: 6150,
        plan: Some(15_000),
        ..SummedUp::default()
    };
    let ill = SummedUp { fetched: 160, incomplete: 2, incidents: 4, open: 1, plan: None, ..well.clone() };
    let unknown = SummedUp { due: None, fetched: 0, ..well.clone() };
    for (name, summed) in
        [("summary", &well), ("summary_of_trouble", &ill), ("summary_without_schedule", &unknown)]
    {
        let Written { subject, text, html } = summary::summary(summed);
        golden(&format!("{name}.txt"), &format!("Subject: {subject}\n\n{text}"));
        golden(&format!("{name}.html"), &html.unwrap());
    }
}
