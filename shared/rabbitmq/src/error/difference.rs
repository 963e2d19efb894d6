//! What differs between a queue or exchange that exists and what this process declares, read from the broker's refusal.

use std::fmt;

/// An argument that the broker has with another value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference<'a> {
    argument: &'a str,
    /// Of the queue or exchange.
    name: &'a str,
    declared: &'a str,
    existing: &'a str,
}

impl<'a> Difference<'a> {
    /// Reads `said`, such as `PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'coinpipe.raw' in vhost '/':
    /// received the value '8' of type 'long' but current is the value '7' of type 'signedint'`.
    pub(super) fn read(said: &'a str) -> Option<Self> {
        let (argument, rest) = said.split_once("inequivalent arg '")?.1.split_once("' for ")?;
        let (thing, values) = rest.split_once(": received ")?;
        let (declared, existing) = values.split_once(" but current is ")?;
        Some(Self {
            argument,
            name: quoted(thing),
            declared: quoted(declared),
            existing: quoted(existing.trim_end_matches('.')),
        })
    }

    /// The setting that the argument follows; `None` for what the program itself decides.
    fn setting(&self) -> Option<&'static str> {
        let is_archive = self.name.ends_with(".archive");
        match self.argument {
            "x-delivery-limit" => Some("queue.delivery_limit, less 1"),
            "x-max-age" => Some("archive.keep"),
            "x-max-length-bytes" if is_archive => Some("archive.max_size"),
            "x-max-length-bytes" => Some("queue.max_size"),
            _ => None,
        }
    }
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { argument, declared, existing, .. } = self;
        write!(f, "it exists with {argument} = {existing}, and ")?;
        match self.setting() {
            Some(setting) => write!(f, "the configuration asks for {declared} ({setting})"),
            None => write!(f, "this version declares {declared}"),
        }
    }
}

/// What stands between the first quotes in `text`; all of it when there are none, as in `none`.
fn quoted(text: &str) -> &str {
    text.split('\'').nth(1).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_and_both_values_are_told_with_the_setting() {
        for (said, told) in [
            (
                "PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'coinpipe.raw' in vhost '/': received \
                 '8' but current is '7'",
                "it exists with x-delivery-limit = 7, and the configuration asks for 8 (queue.delivery_limit, \
                 less 1)",
            ),
            (
                "PRECONDITION_FAILED - inequivalent arg 'x-max-length-bytes' for queue 'coinpipe.raw' in vhost '/': \
                 received the value '1000' of type 'long' but current is none",
                "it exists with x-max-length-bytes = none, and the configuration asks for 1000 \
                 (queue.max_size)",
            ),
            (
                "PRECONDITION_FAILED - inequivalent arg 'x-max-length-bytes' for queue 'a.raw.archive' in vhost '/': \
                 received '1' but current is '2'",
                "it exists with x-max-length-bytes = 2, and the configuration asks for 1 (archive.max_size)",
            ),
            (
                "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'coinpipe.retry' in vhost '/': received \
                 'direct' but current is 'topic'",
                "it exists with type = topic, and this version declares direct",
            ),
        ] {
            assert_eq!(Difference::read(said).map(|it| it.to_string()).as_deref(), Some(told));
        }
        for other in ["PRECONDITION_FAILED - unknown delivery tag 7", "inequivalent arg 'x' for", ""] {
            assert_eq!(Difference::read(other), None, "{other}");
        }
    }
}
