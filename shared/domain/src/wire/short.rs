//! A list of which only so much is read: what follows was not written by us, and would fill the memory.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The most elements: far more than a coin has tags, or a batch has currencies.
const MOST: usize = 1000;

/// A list of at most 1,000 elements, with the bytes of any other list.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Short<T>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Short<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

struct Elements<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
    type Value = Short<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MOST} elements")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut elements: S) -> Result<Self::Value, S::Error> {
        let length = elements.size_hint().unwrap_or_default();
        if length > MOST {
            return Err(S::Error::invalid_length(length, &self));
        }
        let mut list = Vec::with_capacity(length);
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Short(list))
    }
}
