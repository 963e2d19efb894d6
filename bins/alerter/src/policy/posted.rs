//! The mails that were posted lately, as the policy needs them.

use chrono::{DateTime, TimeDelta, Utc};
use config::Mail as Settings;
use ports::store::{Fate, PostedMail};

use super::delta;

/// The mails that were posted lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Posted {
    /// Mails in the last hour, refused ones too; and those of the next day, which a clock that stepped back leaves.
    pub last_hour: u64,
    /// The same for the last 24 hours.
    pub last_day: u64,
    /// When the last mail was posted that was not refused.
    pub last_at: Option<DateTime<Utc>>,
    /// Mails that were refused since one was sent.
    pub refusals: u32,
    /// When the last of these was refused.
    pub refused_at: Option<DateTime<Utc>>,
}

impl Posted {
    /// How far back before `now` mails matter.
    pub(crate) fn since(now: DateTime<Utc>, settings: &Settings) -> DateTime<Utc> {
        let window = TimeDelta::days(1).max(delta(settings.digest_every));
        now.checked_sub_signed(window).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// What `mails`, oldest first, say at `now`.
    ///
    /// Those of up to a day ahead were posted before the clock stepped back: they count, or each step would lift the
    /// caps; those still further ahead do not, or nothing would be mailed until the clock gets there.
    pub(crate) fn new(mails: &[PostedMail], now: DateTime<Utc>) -> Self {
        let beyond = now + TimeDelta::days(1);
        let within = |window: TimeDelta| {
            let counted = mails.iter().filter(|mail| (now - window..beyond).contains(&mail.posted_at));
            counted.count() as u64
        };
        let is_refused = |mail: &&PostedMail| matches!(mail.fate, Fate::Refused(_));
        let since_sent = mails.iter().rev().take_while(|mail| mail.fate != Fate::Sent);
        let refused: Vec<_> = since_sent.filter(is_refused).collect();
        Self {
            last_hour: within(TimeDelta::hours(1)),
            last_day: within(TimeDelta::days(1)),
            last_at: mails.iter().filter(|mail| !is_refused(mail)).map(|mail| mail.posted_at).max(),
            refusals: u32::try_from(refused.len()).unwrap_or(u32::MAX),
            refused_at: refused
                .iter()
                .filter_map(|mail| if let Fate::Refused(at) = mail.fate { Some(at) } else { None })
                .max(),
        }
    }
}
