//! What RabbitMQ says, as 3.10.8 and 4.3.5 say it.

use lapin::protocol::AMQPErrorKind;

use super::*;

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Wait,
    Change,
    Refuse,
}

const SAID: &[(u16, Answer, &[&str])] = &[
    (320, Answer::Wait, &["CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"]),
    (
        403,
        Answer::Wait,
        &[
            "ACCESS_REFUSED - queue 'coinpipe.raw' in vhost '/' in exclusive use",
            "ACCESS_REFUSED - configure access to queue 'coinpipe.raw' in vhost '/' refused for user 'u', backend \
             rabbit_auth_backend_http returned an error: econnrefused",
        ],
    ),
    (
        403,
        Answer::Change,
        &[
            "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.",
            "ACCESS_REFUSED - access to queue 'coinpipe.raw' in vhost '/' refused for user 'u'",
            "ACCESS_REFUSED - write access to exchange 'coinpipe.raw' in vhost '/' refused for user 'u'",
            "ACCESS_REFUSED - write access to topic 'raw.live' in exchange 'x' in vhost '/' refused for user 'u'",
            "ACCESS_REFUSED - queue name 'amq.x' contains reserved prefix 'amq.*'",
        ],
    ),
    (
        404,
        Answer::Wait,
        &[
            "NOT_FOUND - no queue 'coinpipe.raw' in vhost '/'",
            "NOT_FOUND - home node 'rabbit@a' of durable queue 'q' in vhost '/' is down or inaccessible",
            "NOT_FOUND - queue 'q' in vhost '/' process is stopped by supervisor",
        ],
    ),
    (
        405,
        Answer::Wait,
        &["RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be \
             originally declared on another connection"],
    ),
    (
        406,
        Answer::Refuse,
        &[
            "PRECONDITION_FAILED - message size 134217729 is larger than configured max size 134217728",
            "PRECONDITION_FAILED - message size 536870913 is larger than max size 536870912",
            "PRECONDITION_FAILED - invalid message: {user_id_mismatch}",
        ],
    ),
    (
        406,
        Answer::Change,
        &[
            "PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': received '8' but \
             current is '7'",
            "PRECONDITION_FAILED - invalid arg 'x-max-age' for queue 'q' in vhost '/': {unit_value,\"x\"}",
            "PRECONDITION_FAILED - Exceeded max value for x-stream-max-segment-size-bytes",
        ],
    ),
    (
        406,
        Answer::Wait,
        &[
            "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1000 ms.",
            "PRECONDITION_FAILED - unknown delivery tag 7",
            "PRECONDITION_FAILED - cannot declare queue 'q': queue limit in vhost '/' (1) is reached",
            "PRECONDITION_FAILED - cannot declare queue 'q': queue limit in cluster (1) is reached",
            "PRECONDITION_FAILED - cannot declare exchange 'e' in vhost '/': exchange limit of 9 is reached",
        ],
    ),
    (503, Answer::Change, &["COMMAND_INVALID - unknown authentication mechanism 'PLAIN'"]),
    (503, Answer::Wait, &["COMMAND_INVALID - unimplemented method"]),
    (506, Answer::Wait, &["RESOURCE_ERROR - queue 'q' in vhost '/' does not have a running local replica"]),
    (
        530,
        Answer::Wait,
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
    ),
    (
        530,
        Answer::Change,
        &[
            "NOT_ALLOWED - vhost nowhere not found",
            "NOT_ALLOWED - access to vhost '/' refused for user 'u'",
            "NOT_ALLOWED - access to vhost '/' refused for user 'u' by backend b: no",
            "NOT_ALLOWED - negotiated frame_max = 4096 is lower than the minimum allowed value (8192)",
        ],
    ),
    (540, Answer::Change, &["NOT_IMPLEMENTED - queue 'q' in vhost '/' does not support global qos"]),
    (
        541,
        Answer::Wait,
        &[
            "INTERNAL_ERROR - access to vhost '/' refused for user 'u': vhost '/' is down",
            "INTERNAL_ERROR - Cannot declare a queue 'q' on node 'n': timeout",
        ],
    ),
];

#[test]
fn what_rabbitmq_says_and_what_it_means() {
    for (code, expected, texts) in SAID {
        for text in *texts {
            let answer = match meaning(*code, text) {
                Transient(_) => Answer::Wait,
                Misconfigured(_) => Answer::Change,
                Refused => Answer::Refuse,
            };
            assert_eq!(answer, *expected, "{code} {text}");
        }
    }
}

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
