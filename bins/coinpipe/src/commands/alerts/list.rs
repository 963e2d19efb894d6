//! `coinpipe alerts`: which groups are open, silenced or resolved.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, ValueEnum};
use desk::group_json;
use domain::{one_line, timestamp};
use ports::store::{AlertGroup, GroupState, Silence, Unsettled};
use serde_json::{Value, json};
use service::Process;

use crate::{adapters, numbers, output, values};

/// Resolved groups are shown for so long, unless something else is said.
const USUALLY: Duration = Duration::from_hours(7 * 24);

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Only those in this state
    #[arg(long, value_name = "STATE")]
    state: Option<State>,
    /// Those resolved in this time, such as 24h; 7d unless something else is said
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    last: Option<Duration>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum State {
    /// Open, and mailed about
    Open,
    /// Open, and nobody is mailed about it
    Silenced,
    /// Over
    Resolved,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Silenced => "silenced",
            Self::Resolved => "resolved",
        }
    }
}

/// A group as it is shown.
struct Alert {
    state: State,
    group: AlertGroup,
    silence: Option<Silence>,
    letters: Unsettled,
}

pub(super) async fn run(process: &Process, args: &ListArgs) -> anyhow::Result<()> {
    let Some(stores) = adapters::open_to_list(process, args.json).await? else { return Ok(()) };
    let now = process.clock.now();
    let (groups, silences) = (stores.letters.groups(None).await?, stores.silences.silences(now).await?);
    let unsettled = stores.desk.unsettled().await?;
    let alerts = alerts(groups, &silences, &unsettled, args, now);
    if args.json {
        let alerts: Vec<_> = alerts.iter().map(to_json).collect();
        return output::print(serde_json::to_string_pretty(&alerts)?);
    }
    if alerts.is_empty() {
        output::say("nothing is open");
        return Ok(());
    }
    let rows = alerts.iter().map(|alert| row(alert, now));
    output::print(output::table(
        &["group", "state", "cause", "letters", "deaths", "since", "what"],
        &[3, 4],
        rows,
    ))
}

/// Those that were asked for: open before silenced before resolved, of each the newest first.
fn alerts(
    groups: Vec<AlertGroup>,
    silences: &[Silence],
    unsettled: &BTreeMap<String, Unsettled>,
    args: &ListArgs,
    now: DateTime<Utc>,
) -> Vec<Alert> {
    let last = TimeDelta::from_std(args.last.unwrap_or(USUALLY)).unwrap_or(TimeDelta::MAX);
    let is_late = |group: &AlertGroup| group.resolved_at.is_some_and(|at| now - at <= last);
    let alerts = groups.into_iter().filter_map(|group| {
        let silence = silences.iter().find(|silence| silence.fingerprint == group.fingerprint).cloned();
        let state = match (group.state, &silence) {
            (GroupState::Resolved, _) if !is_late(&group) => return None,
            (GroupState::Resolved, _) => State::Resolved,
            (GroupState::Open, Some(_)) => State::Silenced,
            (GroupState::Open, None) => State::Open,
        };
        let letters = unsettled.get(&group.fingerprint).copied().unwrap_or_default();
        args.state.is_none_or(|wanted| wanted == state).then_some(Alert { state, group, silence, letters })
    });
    let mut alerts: Vec<_> = alerts.collect();
    alerts.sort_by_key(|alert| alert.state);
    alerts
}

fn row(Alert { state, group, silence, letters }: &Alert, now: DateTime<Utc>) -> Vec<String> {
    let stage = group.stage.map_or("–", domain::StageName::as_str);
    let age = |from: DateTime<Utc>, to: DateTime<Utc>| {
        let seconds = (to - from).num_seconds().max(0).unsigned_abs();
        humantime::format_duration(Duration::from_secs(seconds)).to_string()
    };
    let (since, what) = match (state, silence, group.resolved_at) {
        (State::Resolved, _, Some(at)) => {
            let how = group.resolution.as_deref().unwrap_or("resolved");
            (format!("{}, lasted {}", timestamp::to_text(group.opened_at), age(group.opened_at, at)), how)
        }
        (_, Some(Silence { until, by, why, .. }), _) => {
            let until = timestamp::to_text(*until);
            (format!("{}, silent until {until} by {by}", timestamp::to_text(group.opened_at)), why.as_str())
        }
        _ => {
            let opened_at = timestamp::to_text(group.opened_at);
            (format!("{opened_at}, {} ago", age(group.opened_at, now)), group.reason.as_str())
        }
    };
    vec![
        group.fingerprint.clone(),
        state.as_str().to_owned(),
        format!("{stage}: {}/{}", group.class, one_line(&group.code, 40)),
        numbers::count(letters.open + letters.replayed),
        numbers::count(group.total.saturating_sub(group.opened_total)),
        one_line(&since, 120),
        one_line(what, 80),
    ]
}

fn to_json(Alert { state, group, silence, letters }: &Alert) -> Value {
    let mut json = group_json(group);
    json["state"] = state.as_str().into();
    json["open_letters"] = letters.open.into();
    json["replayed_letters"] = letters.replayed.into();
    json["deaths"] = group.total.saturating_sub(group.opened_total).into();
    json["silence"] = silence.as_ref().map(silence_json).into();
    json
}

/// A silence, for programs.
pub(super) fn silence_json(silence: &Silence) -> Value {
    json!({
        "until": timestamp::to_text(silence.until),
        "why": silence.why,
        "by": silence.by,
        "at": timestamp::to_text(silence.at),
    })
}

#[cfg(test)]
mod tests {
    use testkit::contract::store::sample;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn group(name: &str, resolved_at: Option<i64>) -> AlertGroup {
        AlertGroup {
            reason: "it\nbroke".to_owned(),
            state: if resolved_at.is_some() { GroupState::Resolved } else { GroupState::Open },
            total: 1200,
            resolved_at: resolved_at.map(at),
            resolution: resolved_at.map(|_| "it works".to_owned()),
            ..sample::group(name, at(0))
        }
    }

    #[test]
    fn groups_are_listed_by_state_and_those_resolved_long_ago_are_not() {
        let silences = ["quiet", "gone"].map(|name| Silence {
            fingerprint: name.to_owned(),
            until: at(500_000),
            why: "known".to_owned(),
            by: "me@here".to_owned(),
            at: at(0),
        });
        let week = 7 * 86_400;
        let groups =
            vec![group("old", Some(9)), group("ended", Some(90)), group("quiet", None), group("new", None)];
        let list = |state, last| {
            let args = ListArgs { state, last, json: false };
            let alerts = alerts(groups.clone(), &silences, &BTreeMap::new(), &args, at(week + 10));
            alerts.into_iter().map(|alert| alert.group.fingerprint).collect::<Vec<_>>()
        };
        assert_eq!(list(None, None), ["new", "quiet", "ended"]);
        assert_eq!(list(Some(State::Silenced), None), ["quiet"]);
        assert_eq!(list(Some(State::Resolved), Some(2 * USUALLY)), ["old", "ended"]);
    }

    #[test]
    fn a_line_says_since_when_or_how_long_and_why() {
        let line = |group: AlertGroup, silence: Option<Silence>, state| {
            let letters = Unsettled { open: if state == State::Resolved { 0 } else { 3 }, replayed: 1 };
            row(&Alert { state, group, silence, letters }, at(7260)).join("|")
        };
        assert_eq!(
            line(group("g", None), None, State::Open),
            "g|open|–: incident/c|4|1,200|1970-01-01T00:00:00.000Z, 2h 1m ago|it broke"
        );
        assert_eq!(
            line(group("g", Some(60)), None, State::Resolved),
            "g|resolved|–: incident/c|1|1,200|1970-01-01T00:00:00.000Z, lasted 1m|it works"
        );
        let silence = Silence {
            fingerprint: "g".to_owned(),
            until: at(60),
            why: "known".to_owned(),
            by: "me@here".to_owned(),
            at: at(0),
        };
        assert_eq!(
            line(group("g", None), Some(silence), State::Silenced),
            "g|silenced|–: incident/c|4|1,200|1970-01-01T00:00:00.000Z, silent until 1970-01-01T00:01:00.000Z by me@here|known"
        );
    }
}
