//! How single values are written.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::secret::Secret;

/// What is written where something that an earlier layer turns on is to be off: an empty text would say nothing.
pub(crate) const OFF: &str = "off";

/// A text; empty for [`OFF`].
pub(crate) fn or_off<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(if text.trim() == OFF { String::new() } else { text.trim().to_owned() })
}

/// A secret; none for [`OFF`].
pub(crate) fn secret_or_off<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    let secret = Secret::deserialize(deserializer)?;
    Ok(if secret.expose().trim() == OFF { Secret::default() } else { secret })
}

pub(crate) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    duration_of(&text).map_err(Error::custom)
}

/// A duration; zero for [`OFF`].
pub(crate) fn duration_or_off<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim() == OFF {
        return Ok(Duration::ZERO);
    }
    let wrong =
        || Error::custom(format!("{text:?} is neither a duration such as \"30s\" or \"1h\" nor \"off\""));
    humantime::parse_duration(&text).map_err(|_| wrong())
}

pub(crate) fn durations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| duration_of(text).map_err(Error::custom)).collect()
}

pub(crate) fn byte_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    let size: bytesize::ByteSize =
        text.parse().map_err(|_| Error::custom(format!("{text:?} is not a size such as \"64MiB\"")))?;
    Ok(size.as_u64())
}

/// A size in bytes; zero for [`OFF`].
pub(crate) fn byte_size_or_off<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim() == OFF {
        return Ok(0);
    }
    let wrong = || Error::custom(format!("{text:?} is neither a size such as \"64MiB\" nor \"off\""));
    text.parse().map(|size: bytesize::ByteSize| size.as_u64()).map_err(|_| wrong())
}

pub(crate) fn comma_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
}

/// Ids of coins, each once.
pub(crate) fn id_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u32>, D::Error> {
    let mut ids = Vec::new();
    for text in comma_list(deserializer)? {
        let id = text.parse().ok().filter(|id: &u32| *id > 0);
        let id = id.ok_or_else(|| {
            Error::custom(format!(
                "{text:?} is not an id, such as 1 for Bitcoin; symbols are shared by several coins"
            ))
        })?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// Currencies: the API takes them in either case, but names its quotes as they were asked for.
pub(crate) fn upper_case_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(comma_list(deserializer)?.into_iter().map(|item| item.to_uppercase()).collect())
}

pub(crate) fn duration_of(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| format!("{text:?} is not a duration such as \"30s\" or \"1h\""))
}
