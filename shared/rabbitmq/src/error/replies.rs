//! Every reply code of AMQP 0-9-1, and what it means when RabbitMQ gives it.
//!
//! RabbitMQ gives one code for different causes, which only its text tells apart; the texts are those of 3.10 to
//! 4.3 (`rabbit_reader.erl`, `rabbit_channel.erl`, `rabbit_access_control.erl` and the queue types). They are written
//! for people and may change, so the last line of each code is for any other text. It is transient where the cause may
//! go away by itself.

/// What follows from a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It passes, or the next session works: wait. With advice for an operator, if there is any.
    Transient(Option<&'static str>),
    /// Permanent: somebody has to act, as this says.
    Misconfigured(&'static str),
    /// This message can never be published; nothing else is wrong.
    Refused,
}

use Meaning::{Misconfigured, Refused, Transient};

/// A code, a part of its text, and what both mean. The first line that matches counts.
#[rustfmt::skip]
const REPLIES: &[(u16, &str, Meaning)] = &[
    // CONTENT_TOO_LARGE, NO_ROUTE, NO_CONSUMERS. Not sent as errors by RabbitMQ; in the standard they are about the
    // present state of a queue.
    (311, "", Transient(None)),
    (312, "", Transient(None)),
    (313, "", Transient(None)),
    // CONNECTION_FORCED: an operator, a shutdown, maintenance, a virtual host or user that was deleted. When it does
    // not pass, the next login says why.
    (320, "", Transient(None)),
    // INVALID_PATH. Not sent by RabbitMQ; in the standard, an unknown virtual host.
    (402, "", Misconfigured(VIRTUAL_HOST)),
    // ACCESS_REFUSED.
    (403, "in exclusive use", Transient(Some("another consumer has the queue for itself alone, until it ends"))),
    (403, "returned an error", Transient(Some("the service that RabbitMQ asks about rights is away"))),
    (403, "", Misconfigured("check user and password, and the user's permissions on the virtual host")),
    // NOT_FOUND: a queue whose node is down or whose process restarts; something that was deleted, which the next
    // session declares.
    (404, "", Transient(None)),
    // RESOURCE_LOCKED: an exclusive queue, which is deleted with the connection that declared it.
    (405, "", Transient(Some("another connection declared it for itself alone: delete it, or use another prefix"))),
    // PRECONDITION_FAILED.
    (406, "message size ", Refused),
    (406, "invalid message", Refused),
    (406, "inequivalent arg ", Misconfigured(
        "change the setting back; or stop all workers and, when the queue is empty, delete it (`rabbitmqctl delete_queue \
         --if-empty NAME`), so that the next start makes it anew; or use another queue.prefix",
    )),
    (406, "invalid arg ", Misconfigured(UNKNOWN_ARGUMENT)),
    (406, "invalid property ", Misconfigured(UNKNOWN_ARGUMENT)),
    (406, "Exceeded max value", Misconfigured(UNKNOWN_ARGUMENT)),
    (406, " is reached", Transient(Some(LIMIT))),
    // A delivery that was held for too long, or an acknowledgement of one that is no longer ours.
    (406, "", Transient(None)),
    // FRAME_ERROR, SYNTAX_ERROR: the broker did not understand us. The next session starts afresh.
    (501, "", Transient(None)),
    (502, "", Transient(None)),
    // COMMAND_INVALID.
    (503, "authentication mechanism", Misconfigured("check the URL's auth_mechanism")),
    (503, "", Transient(None)),
    // CHANNEL_ERROR, UNEXPECTED_FRAME: both sides disagree about what is open. The next session starts afresh.
    (504, "", Transient(None)),
    (505, "", Transient(None)),
    // RESOURCE_ERROR: a stream without a replica here, its coordinator away.
    (506, "", Transient(None)),
    // NOT_ALLOWED.
    (530, " is reached", Transient(Some(LIMIT))),
    (530, " has reached ", Transient(Some(LIMIT))),
    (530, "cannot be queried", Transient(None)),
    (530, "returned an error", Transient(Some("the service that RabbitMQ asks about rights is away"))),
    (530, " is down", Transient(None)),
    (530, " not found", Misconfigured(VIRTUAL_HOST)),
    (530, "access to vhost ", Misconfigured(VIRTUAL_HOST)),
    (530, "negotiated ", Misconfigured("check the URL's frame_max, channel_max and heartbeat")),
    (530, "", Transient(None)),
    // NOT_IMPLEMENTED.
    (540, "", Misconfigured("RabbitMQ 3.10 or later is needed, with quorum queues and streams enabled")),
    // INTERNAL_ERROR: a virtual host that is down, a metadata store that does not answer, a crash.
    (541, "", Transient(None)),
];

const VIRTUAL_HOST: &str = "check that the virtual host exists and that the user may use it";
const UNKNOWN_ARGUMENT: &str = "this version of RabbitMQ cannot have it so: check the settings that it names";
const LIMIT: &str = "a limit of RabbitMQ is reached: it goes on when others leave, or the limit is raised";

/// What the reply `code` with `text` means. An unknown code is transient.
pub(super) fn meaning(code: u16, text: &str) -> Meaning {
    let found = REPLIES.iter().find(|(known, part, _)| *known == code && text.contains(part));
    found.map_or(Transient(None), |(_, _, meaning)| *meaning)
}

#[cfg(test)]
mod tests;
