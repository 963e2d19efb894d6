//! Which letters are meant: by a group or an id, and by filters.

use std::time::Duration;

use anyhow::{anyhow, bail};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use desk::{GroupError, group_named};
use domain::{Class, StageName};
use ports::store::{FiledLetter, Handling, LetterFilter, LetterState};
use service::{Stores, Usage};

use crate::selection::batch_id;
use crate::values;

/// Where names are shown.
const SHOWN: &str =
    "`coinpipe dead groups` and `coinpipe dead list` show them. One that begins with - goes after --";

/// One letter.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub(super) struct NameArgs {
    /// The letter's id, as `list` shows it; one that begins with - goes after --
    id: String,
}

impl NameArgs {
    /// The letter, and what was done about it.
    pub(super) async fn find(&self, stores: &Stores) -> anyhow::Result<(FiledLetter, Handling)> {
        match desk::letter(stores, &self.id).await? {
            Some(found) => Ok(found),
            None => bail!(self.is_missing()),
        }
    }

    /// That there is none.
    pub(super) fn is_missing(&self) -> String {
        let id = desk::shown_name(&self.id);
        format!("there is no dead letter {id:?}; `coinpipe dead list` shows their ids")
    }
}

#[derive(Args, Clone, Debug, Default)]
#[group(skip)]
pub(super) struct WhichArgs {
    /// A group, by its fingerprint or its first four characters or more, or one letter, by its id; one that begins with - goes after --
    #[arg(value_name = "GROUP|ID")]
    target: Option<String>,
    /// Only the letters of this group, by its fingerprint or its first four characters or more
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
        if let Some(name) = &self.group {
            let groups = stores.letters.groups(None).await?;
            filter.group = Some(group_named(&groups, name)?.fingerprint.clone());
        }
        let Some(target) = &self.target else { return Ok(filter) };
        if let Some((filed, _)) = desk::letter(stores, target).await? {
            filter.id = Some(filed.letter.id.to_string());
            filter.state = self.state;
            return Ok(filter);
        }
        let groups = stores.letters.groups(None).await?;
        let group = group_named(&groups, target).map_err(|error| match error {
            GroupError::None(name) => anyhow!("there is no group and no dead letter {name:?}; {SHOWN}"),
            other => other.into(),
        })?;
        filter.group = Some(group.fingerprint.clone());
        Ok(filter)
    }

    /// The filter without the text that names a group or a letter.
    fn without_target(&self, now: DateTime<Utc>) -> anyhow::Result<LetterFilter> {
        let batch = self.batch.as_deref().map(batch_id).transpose();
        let batch = batch.map_err(|Usage(wrong)| Usage(format!("--batch: {wrong}")))?;
        Ok(LetterFilter {
            id: None,
            group: None,
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

#[cfg(test)]
mod tests {
    use desk::filter_json;

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
        let json = filter_json(&filter).to_string();
        assert_eq!(
            json,
            r#"{"coin":1027,"since":"2026-11-22T12:00:00.000Z","stage":"loader","state":"open"}"#
        );
        let all = WhichArgs { all: true, ..WhichArgs::default() };
        assert_eq!(filter_json(&all.without_target(now).unwrap()).to_string(), "{}");
        assert!(all.require_some().is_ok() && args.require_some().is_ok());
        assert!(WhichArgs::default().require_some().is_err());
        assert!(since("yesterday").is_err());
    }
}
