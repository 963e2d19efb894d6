//! Where a SQLite file is: its path, from a `sqlite:` URL.

use std::path::{Path, PathBuf};

use domain::percent_decode;

use crate::error::Error;

/// The path that `url` names.
pub(super) fn from_url(url: &str) -> Result<PathBuf, Error> {
    let wrong = |what: &str| {
        Error::Misconfigured(format!("{what}; a SQLite URL is sqlite://FILE, like sqlite://coinpipe.db"))
    };
    let rest = url.strip_prefix("sqlite:").ok_or_else(|| wrong("the URL does not start with sqlite:"))?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path == ":memory:" {
        return Err(wrong("sqlite::memory: would forget everything"));
    }
    if let Some((_, parameters)) = path.split_once('?') {
        // Only the name: a value may be a secret that was meant for another kind of URL.
        let name = parameters.split(['=', '&']).next().unwrap_or_default();
        return Err(wrong(&format!("the URL has an unknown parameter {name:?}")));
    }
    let path = percent_decode(path)
        .ok_or_else(|| wrong("the URL has a % without two hexadecimal digits of UTF-8"))?;
    if path.is_empty() { Err(wrong("the URL names no file")) } else { Ok(path.into()) }
}

/// `path` from the root, so that it stays right when the working directory changes, and so that SQLite
/// reads no meaning into a name like `file:x` or `:memory:`.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path)
        .map_err(|error| Error::Misconfigured(format!("{:?} is not a path: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_files() {
        let check = |url: &str, path: &str| assert_eq!(from_url(url), Ok(PathBuf::from(path)), "{url}");
        check("sqlite://coinpipe.db", "coinpipe.db");
        check("sqlite:coinpipe.db", "coinpipe.db");
        check("sqlite://in/there.db", "in/there.db");
        check("sqlite:///var/lib/coinpipe.db", "/var/lib/coinpipe.db");
        check("sqlite:/var/lib/coinpipe.db", "/var/lib/coinpipe.db");
        check("sqlite://my file%3F%20100%25.db", "my file? 100%.db");
    }

    #[test]
    fn urls_that_make_no_sense_are_refused_and_say_why() {
        let check = |url: &str, says: &str| match from_url(url) {
            Err(Error::Misconfigured(reason)) => assert!(reason.contains(says), "{url}: {reason}"),
            other => panic!("{url}: {other:?}"),
        };
        check("sqlite::memory:", "forget everything");
        check("sqlite://:memory:", "forget everything");
        check("sqlite://x.db?mode=ro", "unknown parameter \"mode\"");
        check("sqlite://", "names no file");
        check("sqlite://x%2", "without two hexadecimal digits");
        check("sqlite://x%zz", "without two hexadecimal digits");
        check("sqlite://x%ff", "UTF-8");
        check("mysql://user:password@host", "does not start with sqlite:");
    }

    #[test]
    fn a_refusal_never_repeats_what_may_be_a_secret() {
        for url in ["mysql://user:hunter2@host", "sqlite://x.db?password=hunter2"] {
            assert!(!from_url(url).unwrap_err().to_string().contains("hunter2"), "{url}");
        }
    }
}
