//! Dead letters in the spool: about failed fetches, until the queue takes them.

use domain::{Bytes, Headers, Message, MessageId};
use serde::{Deserialize, Serialize};

use super::disk::{self, Content};
use super::names::{is_letter_name, letter_name};
use super::{Found, Spool, SpoolError};

/// Letters that wait at most. The first ones tell what began; more of them would say the same.
pub(crate) const MOST: usize = 200;

/// An incident has no body.
#[derive(Serialize, Deserialize)]
struct LetterFile {
    id: MessageId,
    headers: Headers,
}

impl Spool {
    /// Keeps an incident's message until [`remove_letter`](Self::remove_letter). `false` when too many wait.
    pub(crate) fn put_letter(&self, letter: &Message) -> Result<bool, SpoolError> {
        self.ensure()?;
        let path = self.letters_dir().join(letter_name(&letter.id));
        if !path.exists() && self.letter_names()?.len() >= MOST {
            return Ok(false);
        }
        let file = LetterFile { id: letter.id.clone(), headers: letter.headers.clone() };
        let json = serde_json::to_vec(&file).expect("texts are JSON");
        self.disk.write(&path, &[&json])?;
        Ok(true)
    }

    /// The letters that wait.
    pub(crate) fn letters(&self) -> Result<Found<Message>, SpoolError> {
        self.ensure()?;
        let mut found = Found::default();
        for name in self.letter_names()? {
            let path = self.letters_dir().join(&name);
            let json = match self.disk.read(&path) {
                Ok(Content::Bytes(json)) => json,
                Ok(Content::Absent) => continue,
                Ok(Content::NotAFile(reason)) => {
                    found.set_aside(self, &path, reason);
                    continue;
                }
                Err(error) => {
                    found.troubles.push(error);
                    continue;
                }
            };
            match serde_json::from_slice::<LetterFile>(&json) {
                Ok(LetterFile { id, headers }) if letter_name(&id) == name => {
                    found.items.push(Message { id, headers, body: Bytes::new() });
                }
                Ok(LetterFile { id, .. }) => {
                    found.set_aside(self, &path, format!("it says that it is letter {id}"));
                }
                Err(error) => found.set_aside(self, &path, error.to_string()),
            }
        }
        Ok(found)
    }

    /// Whether letters wait.
    pub(crate) fn has_letters(&self) -> Result<bool, SpoolError> {
        Ok(!self.letter_names()?.is_empty())
    }

    /// Forgets a letter.
    pub(crate) fn remove_letter(&self, id: &MessageId) -> Result<(), SpoolError> {
        self.disk.remove(&self.letters_dir().join(letter_name(id)))
    }

    fn letter_names(&self) -> Result<Vec<String>, SpoolError> {
        let mut letters = Vec::new();
        for name in self.disk.names(&self.letters_dir())? {
            match name.into_string() {
                Ok(name) if is_letter_name(&name) => letters.push(name),
                Ok(name) if name.ends_with(disk::UNFINISHED) => {}
                Ok(name) => self.leave_alone(&self.letters_dir().join(name)),
                Err(name) => self.leave_alone(&self.letters_dir().join(name)),
            }
        }
        Ok(letters)
    }
}
