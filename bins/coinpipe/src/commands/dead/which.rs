//! Which letters are meant: by a group or an id, and by filters.

use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use domain::{Class, StageName, timestamp};
use ports::store::{LetterFilter, LetterState};
use serde_json::{Map, Value};
use service::{Stores, Usage};

use crate::selection::batch_id;
use crate::values;

#[derive(Args, Clone, Debug, Default)]
#[group(skip)]
pub(super) struct WhichArgs {
    /// A group, by its fingerprint, or one letter, by its id
    #[arg(value_name = "GROUP|ID")]
    target: Option<String>,
    /// Only the letters of this group
    #[arg(long, value_name = "FINGERPRINT", conflicts_with = "target")]
    group: Option<String>,
    /// Only letters in this state: open, replayed, resolved or dropped. Without it: open
    #[arg(long)]
    state: Option<LetterState>,
    /// Letters in any state; and, for what changes letters, that no filter is needed
    #[arg(long, conflicts_with = "state")]
    all: bool,
    /// Only those that died in this stage: fetcher, transformer, loader or alerter
    #[arg(long)]
    stage: Option<StageName>,
    /// Only of this class: poison, `rejected_rows`, `retries_exhausted`, `delivery_limit`, incident or unknown
    #[arg(long)]
    class: Option<Class>,
    /// Only with this code
    #[arg(long)]
    code: Option<String>,
    /// Only about this batch, by its id
    #[arg(long, value_name = "ID")]
    batch: Option<String>,
    /// Only about this coin, by CoinMarketCap's id
    #[arg(long, value_name = "ID")]
    coin: Option<u32>,
    /// Only those filed at this instant or later (2026-11-22T14:00:00Z or 2026-11-22, UTC), or in the last 2h
    #[arg(long, value_name = "T", value_parser = since)]
    since: Option<Since>,
    /// Only those filed before this instant
    #[arg(long, value_name = "T", value_parser = values::instant)]
    until: Option<DateTime<Utc>>,
    /// Only those with this text in the id, the code, the reason or the headers
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
}

/// An instant, or a time before now.
#[derive(Clone, Copy, Debug)]
enum Since {
    At(DateTime<Utc>),
    Last(Duration),
}

fn since(text: &str) -> Result<Since, String> {
    values::instant(text)
        .map(Since::At)
        .or_else(|wrong| values::duration(text).map(Since::Last).map_err(|_| wrong))
}

impl Since {
    fn before(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Last(last) => {
                let last = TimeDelta::from_std(last).unwrap_or(TimeDelta::MAX);
                now.checked_sub_signed(last).unwrap_or(DateTime::UNIX_EPOCH)
            }
        }
    }
}

impl WhichArgs {
    /// The letters that are meant: open ones, unless an id or a state says which. A text that is neither a group nor a letter of `stores`
    /// is an error.
    pub(super) async fn filter(&self, stores: &Stores, now: DateTime<Utc>) -> anyhow::Result<LetterFilter> {
        let mut filter = self.without_target(now)?;
        let Some(target) = &self.target else { return Ok(filter) };
        let letter = LetterFilter { id: Some(target.clone()), ..LetterFilter::default() };
        if !stores.desk.list(&letter, None, 1).await?.is_empty() {
            filter.id = Some(target.clone());
            filter.state = self.state;
            return Ok(filter);
        }
        if !stores.letters.groups(None).await?.iter().any(|group| group.fingerprint == *target) {
            bail!(
                "there is no group and no dead letter {target:?}; `coinpipe dead groups` and `coinpipe dead list` show them"
            );
        }
        filter.group = Some(target.clone());
        Ok(filter)
    }

    /// The filter without the text that names a group or a letter.
    fn without_target(&self, now: DateTime<Utc>) -> anyhow::Result<LetterFilter> {
        let batch = self.batch.as_deref().map(batch_id).transpose();
        let batch = batch.map_err(|Usage(wrong)| Usage(format!("--batch: {wrong}")))?;
        Ok(LetterFilter {
            id: None,
            group: self.group.clone(),
            state: if self.all { None } else { self.state.or(Some(LetterState::Open)) },
            stage: self.stage,
            class: self.class,
            code: self.code.clone(),
            batch,
            coin: self.coin,
            since: self.since.map(|since| since.before(now)),
            until: self.until,
            settled_before: None,
            text: self.text.clone(),
        })
    }

    /// The same letters; in any state, where none was asked for.
    pub(super) fn settled(&self) -> Self {
        Self { all: self.state.is_none(), ..self.clone() }
    }

    /// An error when nothing says which letters are to be changed.
    pub(super) fn require_some(&self) -> Result<(), Usage> {
        let Self { target, group, state, all, stage, class, code, batch, coin, since, until, text } = self;
        let given = [
            target.is_some(),
            group.is_some(),
            state.is_some(),
            *all,
            stage.is_some(),
            class.is_some(),
            code.is_some(),
            batch.is_some(),
            coin.is_some(),
            since.is_some(),
            until.is_some(),
            text.is_some(),
        ];
        if given.contains(&true) {
            return Ok(());
        }
        Err(Usage(
            "say which letters: a group, an id or a filter; --state open is all that are open".to_owned(),
        ))
    }
}

/// What `filter` asks for, as it is written down.
pub(super) fn to_json(filter: &LetterFilter) -> Value {
    let LetterFilter {
        id,
        group,
        state,
        stage,
        class,
        code,
        batch,
        coin,
        since,
        until,
        settled_before,
        text,
    } = filter;
    let texts = [
        ("id", id.clone()),
        ("group", group.clone()),
        ("state", state.map(|state| state.to_string())),
        ("stage", stage.map(|stage| stage.to_string())),
        ("class", class.map(|class| class.to_string())),
        ("code", code.clone()),
        ("batch", batch.as_ref().map(ToString::to_string)),
        ("since", since.map(timestamp::to_text)),
        ("until", until.map(timestamp::to_text)),
        ("settled_before", settled_before.map(timestamp::to_text)),
        ("text", text.clone()),
    ];
    let mut json: Map<_, _> =
        texts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))).collect();
    if let Some(coin) = coin {
        json.insert("coin".to_owned(), (*coin).into());
    }
    json.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_written_down() {
        let now = values::instant("2026-11-22T14:00:00Z").unwrap();
        let args = WhichArgs {
            stage: Some(StageName::Loader),
            coin: Some(1027),
            since: Some(since("2h").unwrap()),
            ..WhichArgs::default()
        };
        let filter = args.without_target(now).unwrap();
        let json = to_json(&filter).to_string();
        assert_eq!(
            json,
            r#"{"coin":1027,"since":"2026-11-22T12:00:00.000Z","stage":"loader","state":"open"}"#
        );
        let all = WhichArgs { all: true, ..WhichArgs::default() };
        assert_eq!(to_json(&all.without_target(now).unwrap()).to_string(), "{}");
        assert!(all.require_some().is_ok() && args.require_some().is_ok());
        assert!(WhichArgs::default().require_some().is_err());
        assert!(since("yesterday").is_err());
    }
}
