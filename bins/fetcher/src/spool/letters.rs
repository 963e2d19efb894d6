//! Dead letters in the spool: about failed fetches, until the queue takes them.

use std::fs;

use domain::{Bytes, Headers, Message, MessageId};
use serde::{Deserialize, Serialize};

use super::durable;
use super::{Found, Spool, SpoolError};

/// Letters that wait at most. The first ones tell what began; more of them would say the same.
const MOST: usize = 200;

/// An incident has no body.
#[derive(Serialize, Deserialize)]
struct LetterFile {
    id: MessageId,
    headers: Headers,
}

impl Spool {
    /// Keeps an incident's message until [`remove_letter`](Self::remove_letter). `false` when too many wait.
    pub fn put_letter(&self, letter: &Message) -> Result<bool, SpoolError> {
        let path = self.letters_dir().join(letter_name(&letter.id));
        if !path.exists() && durable::names(&self.letters_dir())?.len() >= MOST {
            return Ok(false);
        }
        let file = LetterFile { id: letter.id.clone(), headers: letter.headers.clone() };
        let json = serde_json::to_vec(&file).expect("texts are JSON");
        durable::write(&path, &[&json])?;
        Ok(true)
    }

    /// The letters that wait.
    pub fn letters(&self) -> Result<Found<Message>, SpoolError> {
        let mut found = Found::default();
        for name in durable::names(&self.letters_dir())? {
            let path = self.letters_dir().join(&name);
            let json = fs::read(&path).map_err(|error| error.to_string());
            match json.and_then(|json| {
                serde_json::from_slice::<LetterFile>(&json).map_err(|error| error.to_string())
            }) {
                Ok(LetterFile { id, headers }) if letter_name(&id) == name => {
                    found.items.push(Message { id, headers, body: Bytes::new() });
                }
                Ok(LetterFile { id, .. }) => {
                    let reason = format!("it says that it is letter {id}");
                    found.aside.push(durable::set_aside(&self.corrupt_dir(), &path, reason)?);
                }
                Err(reason) => found.aside.push(durable::set_aside(&self.corrupt_dir(), &path, reason)?),
            }
        }
        Ok(found)
    }

    /// Forgets a letter.
    pub fn remove_letter(&self, id: &MessageId) -> Result<(), SpoolError> {
        let path = self.letters_dir().join(letter_name(id));
        fs::remove_file(&path).map_err(SpoolError::at(&path))
    }
}

fn letter_name(id: &MessageId) -> String {
    format!("{}.json", durable::file_name(id.as_str()))
}
