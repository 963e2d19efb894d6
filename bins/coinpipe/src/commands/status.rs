//! `coinpipe status`: how fresh the table is, what waits, what needs someone.

mod credits;
mod shown;
mod trouble;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Args;
use config::Config;
use ports::store::{BatchRecord, Freshness, MailTrouble, Totals};
use ports::{Depth, QueueName};
use serde_json::{Map, json};
use service::{Process, Waiting};
use site::{Facts, depth_json, mail_json, truth_of, waiting_json};

use super::batches;
use crate::adapters::{self, Found};
use crate::{data_kind, numbers, output, values};
use trouble::Trouble;

#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Fail when the newest quote is older, or when there is none
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    max_age: Option<Duration>,
}

pub(crate) async fn run(process: &Process, args: &StatusArgs) -> anyhow::Result<()> {
    let (freshness, now) = show(process, args).await?;
    match args.max_age {
        Some(most) => check_age(&freshness, now, most),
        None => Ok(()),
    }
}

/// Fails when the newest quote is older than `most`. How old a quote is depends on what the API said, not on when it was written: a
/// replay makes nothing fresh.
fn check_age(freshness: &Freshness, now: DateTime<Utc>, most: Duration) -> anyhow::Result<()> {
    let Some(at) = freshness.newest_quote_at else { bail!("there are no quotes") };
    if (now - at).to_std().is_ok_and(|age| age > most) {
        // To the second: an age in whole hours may be no more than what is allowed.
        let age = Duration::from_secs((now - at).num_seconds().unsigned_abs());
        let [age, most] = [age, most].map(humantime::format_duration);
        bail!("the newest quote is {age} old, and --max-age is {most}");
    }
    Ok(())
}

async fn show(process: &Process, args: &StatusArgs) -> anyhow::Result<(Freshness, DateTime<Utc>)> {
    let found = adapters::find(process).await?;
    // What does not exist yet is shown as empty, in valid JSON too.
    let (mut totals, mut batches, mut facts) = (Totals::default(), Vec::new(), None);
    let (mut mail, mut unsettled, mut paid) = (MailTrouble::default(), BTreeMap::new(), Vec::new());
    let now = process.clock.now();
    if let Some(stores) = &found.stores {
        totals = stores.quotes.totals().await?;
        facts = Some(site::facts(stores, now).await?);
        batches = stores.ledger.batches(shown::to_read(&fetcher::intervals(process.config()))).await?;
        paid = stores.ledger.paid_since(credits::since(now)).await?;
        mail = stores.outbox.trouble().await?;
        unsettled = stores.desk.unsettled().await?;
    }
    let depths = depths(&found).await?;
    // Of a store that does not exist yet there is nothing to tell, and a queue that does not is empty.
    let known = site::known(process.config(), facts, Some(depths.clone()), now);
    let truth = known.tables.is_some().then(|| truth_of(&known));
    let Facts { freshness, open: groups, .. } = known.tables.unwrap_or_default();
    let days = credits::by_day(&paid, now);
    let more = shown::more(&batches);
    let batches = shown::of(batches);
    let last_snapshot = batches.iter().find(|batch| !shown::is_of_kind(batch));
    let waiting = known.waiting;

    if args.json {
        let places = batches::places(&found, &batches).await?;
        let instant = |at: Option<DateTime<Utc>>| at.map(domain::timestamp::to_text);
        let age_seconds = freshness.newest_fetch_at.map(|at| (now - at).num_seconds().max(0));
        let queues: Map<_, _> =
            depths.iter().map(|(queue, depth)| (queue.to_string(), depth_json(*depth))).collect();
        let status = json!({
            "now": domain::timestamp::to_text(now),
            "truth": truth.as_ref().map(site::Truth::to_json),
            "freshness": {
                "newest_fetch_at": instant(freshness.newest_fetch_at),
                "newest_quote_at": instant(freshness.newest_quote_at),
                "age_seconds": age_seconds,
                "quote_age_seconds": freshness.newest_quote_at.map(|at| (now - at).num_seconds().max(0)),
            },
            "tables": {
                "coins": totals.coins,
                "quotes_latest": totals.quotes_latest,
                "quotes_history": totals.quotes_history,
            },
            "queues": queues,
            "batches": batches.iter().map(|batch| site::batch_json(batch, &places)).collect::<Vec<_>>(),
            "waiting": waiting.as_ref().map(waiting_json),
            "mail": mail_json(&mail),
            "dead_letter_groups": groups.iter().map(desk::group_json).collect::<Vec<_>>(),
            "trouble": Trouble::of(&groups, &unsettled).to_json(),
            "credits_by_day": credits::to_json(&days),
            "last_batch_credits": last_snapshot.and_then(|batch| batch.credits),
        });
        output::print(serde_json::to_string_pretty(&status)?)?;
        return Ok((freshness, now));
    }

    if let Some(truth) = truth {
        output::print(truth.text())?;
    }
    let Config { queue, store, .. } = process.config();
    for (name, url, is_there) in
        [("store", &store.url, found.stores.is_some()), ("queue", &queue.url, found.queues.is_some())]
    {
        if !is_there {
            output::print(format!("{name}     {}", adapters::nothing_at(url)))?;
        }
    }
    if found.stores.is_none() && found.queues.is_none() {
        return Ok((freshness, now));
    }
    output::print(format!("quotes    {}", freshness_text(&freshness, now)))?;
    output::print(format!(
        "tables    {}, {}, {} in the history",
        numbers::counted(totals.coins, "coin"),
        numbers::counted(totals.quotes_latest, "latest quote"),
        numbers::count(totals.quotes_history)
    ))?;
    for (queue, depth) in depths {
        output::print(format!("queue     {queue}: {}", depth_text(depth)))?;
    }
    if let Some(days) = credits::to_text(&days) {
        output::print(format!("credits   {days}"))?;
    }
    let newest_dropped = batches.first().and_then(|batch| Some((batch, batch.dropped.as_ref()?)));
    if let Some((batch, dropped)) = newest_dropped {
        output::print(format!("dropped   the newest snapshot: {}", batches::told_dropped(batch, dropped)))?;
    }
    if let Some(waiting) = &waiting {
        output::print(format!("waiting   {}", waiting_text(waiting, now)))?;
    }
    let trouble = Trouble::of(&groups, &unsettled);
    let told =
        if found.stores.is_some() { trouble.to_text() } else { "not known: there is no store".to_owned() };
    output::print(format!("trouble   {told}"))?;
    for line in mail_lines(&mail, now) {
        output::print(format!("mail      {line}"))?;
    }
    print_batches(&batches, more)?;
    data_kind::say_if_simulated(found.stores.as_ref()).await?;
    Ok((freshness, now))
}

/// What waits in each queue; nothing while there are no queues yet.
async fn depths(found: &Found) -> anyhow::Result<Vec<(QueueName, Depth)>> {
    let mut depths = Vec::new();
    for queue in QueueName::ALL {
        let depth = match &found.queues {
            Some(queues) => queues.queue.depth(queue).await?,
            None => Depth::default(),
        };
        depths.push((queue, depth));
    }
    Ok(depths)
}

/// The newest batches, whether there is `more`, and what was found wrong with them.
fn print_batches(batches: &[BatchRecord], more: Option<String>) -> anyhow::Result<()> {
    if batches.is_empty() {
        return Ok(());
    }
    output::print(batches::to_table(batches, output::terminal_width()))?;
    more.into_iter().chain(batches::verdicts(batches)).try_for_each(output::print)
}

/// How long ago the newest fetch was, and how old the newest quote was made.
fn freshness_text(freshness: &Freshness, now: DateTime<Utc>) -> String {
    let Some(at) = freshness.newest_fetch_at else { return "no quotes yet".to_owned() };
    let quote = freshness.newest_quote_at.map(|at| format!("; the newest is {} old", numbers::age(now, at)));
    let (age, at) = (numbers::age(now, at), domain::timestamp::to_text(at));
    format!("fetched {age} ago, at {at}{}", quote.unwrap_or_default())
}

/// What the fetcher on this machine waits for, and until when.
fn waiting_text(waiting: &Waiting, now: DateTime<Utc>) -> String {
    let Waiting { code, reason, since, until } = waiting;
    format!(
        "for the API until {} (in {}), since {}: {} [{}]",
        domain::timestamp::to_text(*until),
        numbers::age(*until, now),
        domain::timestamp::to_text(*since),
        domain::one_line(reason, 300),
        domain::one_line(code, 40),
    )
}

/// What keeps mails from arriving, in words; nothing when they do.
fn mail_lines(mail: &MailTrouble, now: DateTime<Utc>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(since) = mail.waiting_since {
        let reason = mail.failure.as_ref().map(|reason| format!(": {}", domain::one_line(reason, 200)));
        let mails = numbers::counted(mail.waiting, "mail");
        lines.push(format!(
            "{mails} not sent yet, for {}{}",
            numbers::age(now, since),
            reason.unwrap_or_default()
        ));
    }
    if let Some((at, reason)) = &mail.refusal {
        let mails = numbers::counted(mail.refused, "mail");
        lines.push(format!(
            "{mails} refused by the server, the last {} ago; their trouble is told again: {}",
            numbers::age(now, *at),
            domain::one_line(reason, 200)
        ));
    }
    if let Some((at, reason)) = &mail.copy_refusal {
        let messages = numbers::counted(mail.refused_copies, "message");
        lines.push(format!(
            "{messages} to the webhook refused and given up, the last {} ago; the mails say the same: {}",
            numbers::age(now, *at),
            domain::one_line(reason, 200)
        ));
    }
    lines
}

fn depth_text(depth: Depth) -> String {
    if depth.total() == 0 {
        return "empty".to_owned();
    }
    format!("{} ready, {} waiting for a retry, {} in flight", depth.ready, depth.delayed, depth.unsettled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_fetcher_waits_for_is_said_with_its_end() {
        let at = |text: &str| domain::timestamp::from_text(text).unwrap();
        let waiting = Waiting {
            code: "api_1009".to_owned(),
            reason: "the daily limit is\nreached".to_owned(),
            since: at("2026-11-22T14:00:01Z"),
            until: at("2026-11-23T00:00:00Z"),
        };
        assert_eq!(
            waiting_text(&waiting, at("2026-11-22T22:00:00Z")),
            "for the API until 2026-11-23T00:00:00.000Z (in 2 h), since 2026-11-22T14:00:01.000Z: the daily limit is reached \
             [api_1009]"
        );
        assert_eq!(waiting_json(&waiting)["until"], "2026-11-23T00:00:00.000Z");
    }

    #[test]
    fn the_age_of_the_quotes_is_told_and_may_fail() {
        let now = domain::timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        let ago = |minutes| Some(now - chrono::TimeDelta::minutes(minutes));
        // Fetched just now, and stale all the same.
        let freshness = Freshness { newest_fetch_at: ago(1), newest_quote_at: ago(150) };
        let told = "fetched 1 min ago, at 2026-11-22T13:59:00.000Z; the newest is 2 h old";
        assert_eq!(freshness_text(&freshness, now), told);
        let failure = check_age(&freshness, now, Duration::from_hours(2)).unwrap_err().to_string();
        assert_eq!(failure, "the newest quote is 2h 30m old, and --max-age is 2h");
        check_age(&freshness, now, Duration::from_hours(3)).unwrap();
        let failure = check_age(&Freshness::default(), now, Duration::from_hours(3)).unwrap_err().to_string();
        assert_eq!(failure, "there are no quotes");
    }

    #[test]
    fn what_keeps_mails_from_arriving_is_said_and_nothing_when_they_do() {
        let now = domain::timestamp::from_text("2026-11-22T14:00:00Z").unwrap();
        let ago = |minutes| now - chrono::TimeDelta::minutes(minutes);
        assert_eq!(mail_lines(&MailTrouble::default(), now), [""; 0]);
        let mail = MailTrouble {
            waiting: 2,
            waiting_since: Some(ago(12)),
            failure: Some("user or password are wrong\r\n\u{1b}[31m".to_owned()),
            refused: 1,
            refusal: Some((ago(5), "no such mailbox (550)".to_owned())),
            refused_copies: 3,
            copy_refusal: Some((ago(3), "HTTP 400".to_owned())),
        };
        let lines = mail_lines(&mail, now);
        let refused = "1 mail refused by the server, the last 5 min ago; their trouble is told again: no such mailbox (550)";
        assert!(
            lines[0].starts_with("2 mails not sent yet, for 12 min: user or password are wrong"),
            "{lines:?}"
        );
        assert!(!lines[0].contains('\u{1b}'), "{lines:?}");
        assert_eq!(lines[1], refused);
        let given_up = "3 messages to the webhook refused and given up, the last 3 min ago; the mails say the same: HTTP 400";
        assert_eq!(lines[2], given_up);
        assert_eq!(mail_json(&mail)["webhook_refused"], 3);
        assert_eq!(mail_json(&mail)["refused_at"], "2026-11-22T13:55:00.000Z");
    }
}
