//! Values that were pasted with more than themselves: quotes around a secret or an address, a name before it, a route behind it.

use crate::secret_keys::SECRETS;

/// Addresses that are no secrets.
const ADDRESSES: [(&str, &str); 5] = [
    ("fetch", "base_url"),
    ("telemetry", "otlp_url"),
    ("http", "listen"),
    ("http", "base_path"),
    ("http", "public_url"),
];

/// Whether `section.key` is a secret or an address, which never have quotes around them.
fn is_bare(section: &str, key: &str) -> bool {
    SECRETS.contains(&(section, key)) || ADDRESSES.contains(&(section, key))
}

/// `text` as the value of `section.key`, without quotes around a secret or an address: `docker run --env-file` and others pass on
/// those that stand in their file.
pub(crate) fn without_quotes<'t>(section: &str, key: &str, text: &'t str) -> &'t str {
    let mut bare = text;
    if is_bare(section, key) {
        let inside = |text: &'t str, quote: char| text.trim().strip_prefix(quote)?.strip_suffix(quote);
        while let Some(inner) = inside(bare, '"').or_else(|| inside(bare, '\'')) {
            bare = inner;
        }
    }
    bare
}

/// Whether `text`, the value of `section.key`, is `NAME=value` as a file of variables has it. It is not taken apart: what is meant
/// would be guessed.
pub(crate) fn check_without_name(section: &str, key: &str, text: &str) -> Result<(), String> {
    let text = text.trim_start();
    let text = text.strip_prefix("export ").unwrap_or(text).trim_start();
    let Some((name, value)) = text.split_once('=').filter(|_| is_bare(section, key)) else { return Ok(()) };
    let is_name = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.trim_end().chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    // Texts in base 64 end with the sign.
    if is_name && !value.trim_matches('=').trim().is_empty() {
        return Err("is written as NAME=value; it must be the value alone".to_owned());
    }
    Ok(())
}

/// Whether the address `url` ends before the routes that coinpipe puts behind it. They begin with one of `versions`, and go on with
/// `root`.
pub(crate) fn check_without_route(url: &url::Url, versions: &[&str], root: &str) -> Result<(), String> {
    let path = url.path().trim_end_matches('/');
    // A gateway may have versions of its own, but hardly at its end.
    let is_in = |version: &&&str| path.ends_with(**version) || path.contains(&format!("{version}/{root}"));
    let found = versions.iter().find(is_in);
    found.map_or(Ok(()), |version| Err(format!("must end before {version}, which coinpipe adds itself")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_go_only_where_both_stand_and_only_around_secrets_and_addresses() {
        for (text, bare) in [
            ("\"k\"", "k"),
            (" 'k' ", "k"),
            ("'\"k\"'", "k"),
            ("\"\"", ""),
            ("\"k", "\"k"),
            ("\"k'", "\"k'"),
            ("\"", "\""),
            (" k ", " k "),
        ] {
            assert_eq!(without_quotes("fetch", "api_key", text), bare, "{text}");
            assert_eq!(without_quotes("mail", "from", text), text);
        }
    }

    #[test]
    fn a_value_with_its_name_is_told_from_one_that_has_the_sign_in_it() {
        for (text, is_value) in [
            ("CMC_API_KEY=b54b", false),
            ("export key = b54b", false),
            ("KEY=\n", true),
            ("mysql://me@db/c?ssl-mode=required", true),
            ("YWJjZA==", true),
            ("=b54b", true),
            ("b54b-1bca=x", true),
        ] {
            assert_eq!(check_without_name("fetch", "api_key", text).is_ok(), is_value, "{text}");
        }
        assert!(check_without_name("mail", "from", "a=b").is_ok());
    }
}
