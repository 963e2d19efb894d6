//! The outbox: mails are planned and posted, claimed, sent, and recorded.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::{AlertGroup, Channel, Mail, Silence, StoreError};

/// How far apart the clocks of two processes may be. An instant further in the future than this was written before a
/// clock was set back.
pub const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(30);

/// How much of a group a mail covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// The group.
    pub fingerprint: String,
    /// Its deaths that the mail covers: taken off the group's `unsent`, which never falls below 0.
    pub letters: u64,
    /// The group's `total` when the mail was written.
    pub total: u64,
    /// Whether the mail tells that the group's trouble ended; otherwise it tells that it is open.
    pub is_end: bool,
}

/// A mail to post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The mail.
    pub mail: Mail,
    /// What it covers.
    pub covered: Vec<Covered>,
    /// What says the same on other channels. They are claimed, sent and recorded each for itself; what becomes of them concerns no
    /// group, and no planner sees them.
    pub copies: Vec<Mail>,
}

/// What became of a mail that was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Not sent yet.
    Waiting,
    /// The server took it, for one of its recipients at least.
    Sent,
    /// The server refused it for good, at this time.
    Refused(DateTime<Utc>),
}

/// A mail that was posted, as the planner needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostedMail {
    /// When it was posted.
    pub posted_at: DateTime<Utc>,
    /// How often sending it was tried.
    pub attempts: u32,
    /// What became of it.
    pub fate: Fate,
}

/// What a mail is planned from: the state of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxState {
    /// The name of this store, made up once: ids of mails from two stores differ by it. Letters and digits.
    pub installation: String,
    /// What there is to tell of: the open groups with deaths that no mail covers, the resolved ones that a mail called open,
    /// and of those that [come and go](super::FLAPPING) the resolved ones with such deaths, too; by fingerprint.
    pub groups: Vec<AlertGroup>,
    /// The silences that end after the time asked for, by fingerprint.
    pub silences: Vec<Silence>,
    /// The mails posted since the time asked for, and all that wait; oldest first.
    pub mails: Vec<PostedMail>,
}

/// Plans the next mail from the outbox's state, if there is one to post. A store may call it more than once, so it must not
/// change anything.
pub type Planner<'a> = dyn Fn(&OutboxState) -> Option<Posting> + Send + Sync + 'a;

/// Asks for a mail to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which messages.
    pub channel: Channel,
    /// What time it is.
    pub now: DateTime<Utc>,
    /// Until when the mail is this process's alone: longer than sending it can take, by [`CLOCK_SKEW`].
    pub until: DateTime<Utc>,
    /// Later than any attempt is put off. A mail that is due after this was dated by a clock that has been set back since;
    /// it is due now.
    pub far: DateTime<Utc>,
}

/// A mail that this process, and no other, may send until the claim ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedMail {
    /// The mail.
    pub mail: Mail,
    /// How often the mail was claimed; identifies this claim.
    pub number: u64,
}

/// What became of an attempt to send a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailResult {
    /// The server took it.
    Sent,
    /// It was not sent.
    RetryAt {
        /// When to try again.
        at: DateTime<Utc>,
        /// Why, without secrets.
        reason: String,
    },
    /// The server refused it for good, for this reason.
    Refused(String),
    /// Some have it, and these are still to get it.
    Partly {
        /// Who.
        left: Vec<String>,
        /// When to try again, for them alone.
        at: DateTime<Utc>,
        /// Why, without secrets.
        reason: String,
    },
}

/// What keeps mails from arriving.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailTrouble {
    /// Mails that wait to be sent.
    pub waiting: u64,
    /// When the oldest of them was posted.
    pub waiting_since: Option<DateTime<Utc>>,
    /// Why the newest failed attempt to send one of them failed.
    pub failure: Option<String>,
    /// Mails that were refused since one was sent; what says the same on another channel is not among them.
    pub refused: u64,
    /// When the last of these was refused, and why.
    pub refusal: Option<(DateTime<Utc>, String)>,
    /// Copies on another channel that were refused since one was taken there: nothing is sent in their place.
    pub refused_copies: u64,
    /// When the last of these was refused, and why.
    pub copy_refusal: Option<(DateTime<Utc>, String)>,
}

/// Mails that wait to be sent. A posted mail survives a crash.
///
/// # Guarantees
/// Any number of processes may use one outbox:
/// - planning and posting is one atomic step, so no death is mailed twice, and the planner's caps hold for all processes
///   together;
/// - one process at a time holds the claim of a mail; when it expires, another may claim the mail;
/// - a process whose claim was taken over records nothing.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Asks `plan` for a mail, posts it and takes what it covers off the groups, in one transaction that no other
    /// posting, claim or record can come between. Returns the mail that was posted; `None` when there
    /// was none to post, or one with its id exists.
    ///
    /// The planner sees the mails posted since `since`, and all that wait, and the silences that end later.
    async fn post(&self, since: DateTime<Utc>, plan: &Planner<'_>) -> Result<Option<Mail>, StoreError>;

    /// Claims the oldest mail of a channel that is neither sent nor refused, whose time has come and that nobody holds. A claim
    /// holds from when it was made, within [`CLOCK_SKEW`], until its end.
    async fn claim(&self, claim: Claim) -> Result<Option<ClaimedMail>, StoreError>;

    /// Records an attempt to send the mail `id`, made at `at` under the claim `number`, and ends the claim. The groups
    /// of a refused mail get back what it covered, in the same transaction, and are as if it had not been posted. Once one of its
    /// recipients has a mail, it covers for good.
    ///
    /// `false`, and nothing is changed, when another has claimed the mail meanwhile or it was recorded before. A claim
    /// whose time is over still counts as long as nobody took the mail over.
    async fn record(
        &self,
        id: &str,
        number: u64,
        at: DateTime<Utc>,
        result: &MailResult,
    ) -> Result<bool, StoreError>;

    /// Whether a mail with this id was posted, whatever became of it.
    async fn is_posted(&self, id: &str) -> Result<bool, StoreError>;

    /// What keeps mails from arriving.
    async fn trouble(&self) -> Result<MailTrouble, StoreError>;
}
