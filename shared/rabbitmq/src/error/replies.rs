//! Every reply code of AMQP 0-9-1, and what it means when RabbitMQ gives it.
//!
//! RabbitMQ gives one code for different causes, which only its text tells apart; the texts are those of 3.10 to
//! 4.3 (`rabbit_reader.erl`, `rabbit_channel.erl`, `rabbit_access_control.erl` and the queue types). They are
//! explanations for people, so for each code the last line holds whatever else it says: where that may be something
//! that the server lifts by itself, it is waited for.

/// What follows from a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It passes, or the next session does better: wait. What an operator may want to know, if anything.
    Transient(Option<&'static str>),
    /// Somebody has to do this first.
    Misconfigured(&'static str),
    /// The message cannot be published, now or later; nothing else is wrong.
    Refused,
}

use Meaning::{Misconfigured, Refused, Transient};

/// A code, what its text holds, and what both mean. The first line that fits counts.
#[rustfmt::skip]
const REPLIES: &[(u16, &str, Meaning)] = &[
    // CONTENT_TOO_LARGE, NO_ROUTE, NO_CONSUMERS. Not sent as errors by RabbitMQ; by the standard about the present
    // state of a queue.
    (311, "", Transient(None)),
    (312, "", Transient(None)),
    (313, "", Transient(None)),
    // CONNECTION_FORCED: an operator, a shutdown, maintenance, a virtual host or user that was deleted. When it does
    // not pass, the next login says why.
    (320, "", Transient(None)),
    // INVALID_PATH. Not sent by RabbitMQ; by the standard an unknown virtual host.
    (402, "", Misconfigured(VIRTUAL_HOST)),
    // ACCESS_REFUSED.
    (403, "in exclusive use", Transient(Some("another consumer has the queue for itself alone, until it ends"))),
    (403, "returned an error", Transient(Some("the service that RabbitMQ asks about rights is away"))),
    (403, "", Misconfigured("check user and password, and the user's permissions on the virtual host")),
    // NOT_FOUND: a queue whose node is down or whose process restarts; something that was deleted, which the next
    // session declares.
    (404, "", Transient(None)),
    // RESOURCE_LOCKED: an exclusive queue, which goes with the connection that declared it.
    (405, "", Transient(Some("another connection declared it for itself alone: delete it, or use another prefix"))),
    // PRECONDITION_FAILED.
    (406, "message size ", Refused),
    (406, "invalid message", Refused),
    (406, "inequivalent arg ", Misconfigured(
        "it exists with other arguments than this version or configuration declares: change the setting back, delete \
         it when it is empty, or use another prefix",
    )),
    (406, "invalid arg ", Misconfigured(UNKNOWN_ARGUMENT)),
    (406, "invalid property ", Misconfigured(UNKNOWN_ARGUMENT)),
    (406, "Exceeded max value", Misconfigured(UNKNOWN_ARGUMENT)),
    (406, " is reached", Transient(Some(LIMIT))),
    // A delivery that was held for too long, an acknowledgement of one that is not ours any more.
    (406, "", Transient(None)),
    // FRAME_ERROR, SYNTAX_ERROR: what was sent was not understood. The next session begins anew.
    (501, "", Transient(None)),
    (502, "", Transient(None)),
    // COMMAND_INVALID.
    (503, "authentication mechanism", Misconfigured("check the URL's auth_mechanism")),
    (503, "", Transient(None)),
    // CHANNEL_ERROR, UNEXPECTED_FRAME: both sides disagree about what is open. The next session begins anew.
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

/// What the reply `code` with `text` means. A code that nobody knows is waited for.
pub(super) fn meaning(code: u16, text: &str) -> Meaning {
    let found = REPLIES.iter().find(|(known, part, _)| *known == code && text.contains(part));
    found.map_or(Transient(None), |(_, _, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use lapin::protocol::AMQPErrorKind;

    use super::*;

    #[test]
    fn every_code_is_in_the_table_and_has_a_last_line() {
        let known: Vec<u16> = (0..1000).filter(|code| AMQPErrorKind::from_id(*code).is_some()).collect();
        assert_eq!(known.len(), 18);
        for code in known {
            let mut lines = REPLIES.iter().filter(|(known, _, _)| *known == code).map(|(_, part, _)| *part);
            assert_eq!(lines.find(|part| part.is_empty()), Some(""), "{code}");
            assert_eq!(lines.next(), None, "{code} has a line behind its last");
        }
        assert_eq!(meaning(999, "?"), Transient(None));
    }

    /// The texts as RabbitMQ 3.10.8 and 4.3.5 make them.
    #[test]
    fn what_rabbitmq_says_and_what_it_means() {
        let check = |code, is: fn(&Meaning) -> bool, texts: &[&str]| {
            for text in texts {
                let meaning = meaning(code, text);
                assert!(is(&meaning), "{code} {text}: {meaning:?}");
            }
        };
        let transient: fn(&Meaning) -> bool = |meaning| matches!(meaning, Transient(_));
        let misconfigured: fn(&Meaning) -> bool = |meaning| matches!(meaning, Misconfigured(_));
        let refused: fn(&Meaning) -> bool = |meaning| *meaning == Refused;
        check(
            320,
            transient,
            &["CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"],
        );
        check(
            403,
            transient,
            &[
                "ACCESS_REFUSED - queue 'coinpipe.raw' in vhost '/' in exclusive use",
                "ACCESS_REFUSED - configure access to queue 'coinpipe.raw' in vhost '/' refused for user 'u', backend \
             rabbit_auth_backend_http returned an error: econnrefused",
            ],
        );
        check(
            403,
            misconfigured,
            &[
                "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.",
                "ACCESS_REFUSED - access to queue 'coinpipe.raw' in vhost '/' refused for user 'u'",
                "ACCESS_REFUSED - write access to exchange 'coinpipe.raw' in vhost '/' refused for user 'u'",
                "ACCESS_REFUSED - write access to topic 'raw.live' in exchange 'x' in vhost '/' refused for user 'u'",
                "ACCESS_REFUSED - queue name 'amq.x' contains reserved prefix 'amq.*'",
            ],
        );
        check(
            404,
            transient,
            &[
                "NOT_FOUND - no queue 'coinpipe.raw' in vhost '/'",
                "NOT_FOUND - home node 'rabbit@a' of durable queue 'q' in vhost '/' is down or inaccessible",
                "NOT_FOUND - queue 'q' in vhost '/' process is stopped by supervisor",
            ],
        );
        check(
            405,
            transient,
            &[
                "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be \
             originally declared on another connection",
            ],
        );
        check(
            406,
            refused,
            &[
                "PRECONDITION_FAILED - message size 134217729 is larger than configured max size 134217728",
                "PRECONDITION_FAILED - message size 536870913 is larger than max size 536870912",
                "PRECONDITION_FAILED - invalid message: {user_id_mismatch}",
            ],
        );
        check(
            406,
            misconfigured,
            &[
                "PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': received '8' but \
             current is '7'",
                "PRECONDITION_FAILED - invalid arg 'x-max-age' for queue 'q' in vhost '/': {unit_value,\"x\"}",
                "PRECONDITION_FAILED - Exceeded max value for x-stream-max-segment-size-bytes",
            ],
        );
        check(
            406,
            transient,
            &[
                "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1000 ms.",
                "PRECONDITION_FAILED - unknown delivery tag 7",
                "PRECONDITION_FAILED - cannot declare queue 'q': queue limit in vhost '/' (1) is reached",
                "PRECONDITION_FAILED - cannot declare queue 'q': queue limit in cluster (1) is reached",
                "PRECONDITION_FAILED - cannot declare exchange 'e' in vhost '/': exchange limit of 9 is reached",
            ],
        );
        check(503, misconfigured, &["COMMAND_INVALID - unknown authentication mechanism 'PLAIN'"]);
        check(503, transient, &["COMMAND_INVALID - unimplemented method"]);
        check(
            506,
            transient,
            &["RESOURCE_ERROR - queue 'q' in vhost '/' does not have a running local replica"],
        );
        check(
            530,
            transient,
            &[
                "NOT_ALLOWED - access to vhost '/' refused for user 'u': connection limit (3) is reached",
                "NOT_ALLOWED - connection refused for user 'u': user connection limit (3) is reached",
                "NOT_ALLOWED - connection refused: node connection limit (3) is reached",
                "NOT_ALLOWED - number of channels opened for user 'u' has reached the maximum allowed user limit of (1)",
                "NOT_ALLOWED - number of channels opened on node 'n' has reached the maximum allowed limit of 1",
                "NOT_ALLOWED - number of channels opened (9) has reached the negotiated channel_max (9)",
                "NOT_ALLOWED - access to vhost '/' refused for user 'u': connection limit cannot be queried, timeout",
                "NOT_ALLOWED - access to vhost '/' refused for user 'u', backend b returned an error: timeout",
            ],
        );
        check(
            530,
            misconfigured,
            &[
                "NOT_ALLOWED - vhost nowhere not found",
                "NOT_ALLOWED - access to vhost '/' refused for user 'u'",
                "NOT_ALLOWED - access to vhost '/' refused for user 'u' by backend b: no",
                "NOT_ALLOWED - negotiated frame_max = 4096 is lower than the minimum allowed value (8192)",
            ],
        );
        check(540, misconfigured, &["NOT_IMPLEMENTED - queue 'q' in vhost '/' does not support global qos"]);
        check(
            541,
            transient,
            &[
                "INTERNAL_ERROR - access to vhost '/' refused for user 'u': vhost '/' is down",
                "INTERNAL_ERROR - Cannot declare a queue 'q' on node 'n': timeout",
            ],
        );
    }
}
