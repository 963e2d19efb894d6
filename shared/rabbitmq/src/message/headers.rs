//! Which headers are the broker's own, and how many bytes headers may have.

/// The most bytes of headers, of messages that are published and of dead letters that arrive: they must fit one frame,
/// and a dead letter has some more than its message.
pub(crate) const MOST_BYTES: usize = 96 * 1024;
/// The most bytes of headers of any other message that arrives: the dead letter about it must fit a frame.
pub(super) const MOST_BYTES_OF_MESSAGES: usize = 64 * 1024;
/// What a header has beside its name and its text: the lengths of both, and its type.
pub(crate) const AROUND_HEADER: usize = 6;

/// Whether brokers write the header `name`, or act on it. It is no part of our message: an older broker that got it back
/// would take it for its own.
pub(crate) fn is_of_the_broker(name: &str) -> bool {
    const PREFIXES: [&str; 4] = ["x-first-death-", "x-last-death-", "x-opt-", "x-stream-"];
    const NAMES: [&str; 7] =
        ["x-death", "x-delivery-count", "x-acquired-count", "x-delay", "x-received-from", "CC", "BCC"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The first `most` bytes of `text`, to the last whole character.
pub(crate) fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}
