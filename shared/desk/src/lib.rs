//! What operators do with dead letters, without a terminal: the command line and the site stand on it.
//!
//! [`Acting`] is what everything has in common that changes letters: which they are, how many, in portions, and the record of it.
//! [`replay()`] sends them again, [`settle()`] resolves or drops them, [`Editing`] changes one by hand. [`ReplayedLetters`] tells what
//! became of those that were sent.

mod access;
mod acting;
mod action;
mod body;
mod difference;
mod document;
mod editing;
mod filter_json;
mod find;
mod hidden;
mod json_path;
mod kind;
mod letter_json;
mod look_error;
mod message;
mod names;
mod replay;
mod replayed_letters;
mod rows_json;
mod settle;
mod settled_before;
mod trial;

pub use access::Access;
pub use acting::{Acting, Verb};
pub use action::action;
pub use body::{Body, body_of};
pub use document::Document;
pub use editing::{Checked, Editing};
pub use filter_json::filter_json;
pub use find::{GroupError, group_named, letter};
pub use hidden::{HIDDEN, Hidden, text_end};
pub use json_path::{is_hidden as path_is_hidden, set as set_value};
pub use letter_json::{action_json, group_json, replay_of, summary_json, trace, whole_json};
pub use look_error::LookError;
pub use message::unsendable;
pub use names::{quoted_name, read_name, shown_name};
pub use replay::{Pace, Progress, Replayed, Sent, replay};
pub use replayed_letters::{ReplayedLetters, close_settled_groups};
pub use settle::{Settled, settle};
pub use settled_before::SettledBefore;
pub use trial::{Trial, Tried};

/// The longest body that is filed, in bytes: half of the smallest limit that databases set for a statement, and far more
/// than any page or chunk of ours has.
pub const BODY_BYTES: usize = 8 << 20;

/// The longest reason that an operator may give, in characters.
pub const WHY_CHARS: usize = 1000;
