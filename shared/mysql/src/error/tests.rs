//! What the numbers mean, and that texts say what to do.

use super::number::{Meaning, meaning};
use super::*;

#[test]
fn numbers_tell_waiting_from_acting_from_refusing() {
    use Meaning::{Collided, Misconfigured, Refused, Unavailable};
    let check = |numbers: &[u16], state: &str, expected: &str| {
        for number in numbers {
            let found = match meaning(*number, state) {
                Collided => "collided",
                Refused => "refused",
                Unavailable => "unavailable",
                Misconfigured(hint) => {
                    assert!(!hint.is_empty());
                    "misconfigured"
                }
            };
            assert_eq!(found, expected, "{number} {state}");
        }
    };
    check(&[1205, 1213, 1020, 1297, 3101, 3572], "HY000", "collided");
    check(&[1048, 1062, 1264, 1265, 1292, 1366, 1406, 1690, 3819, 1526], "HY000", "refused");
    check(&[1044, 1045, 1049, 1054, 1064, 1142, 1143, 1146, 1227, 1419, 1698], "HY000", "misconfigured");
    check(&[1153, 1194, 1197, 1665, 1817, 3159], "HY000", "misconfigured");
    // What a server lifts by itself, whatever class it files it under: connections, prepared statements, hosts,
    // disks, memory, locks, read-only, shutting down, clusters, limits of time.
    for state in ["HY000", "42000", "08S01", "08004", "28000"] {
        check(&[1040, 1203, 1226, 1461, 1129, 3955, 4150], state, "unavailable");
        check(&[1021, 1114, 1030, 1034, 3675, 1878, 1037, 1041, 1135, 1206, 1637], state, "unavailable");
        check(&[1290, 1792, 1836, 1874, 1223, 4145, 1053, 3032, 3168], state, "unavailable");
        check(&[1047, 1180, 3100, 1317, 1969, 3024, 1927, 4031, 1105, 2006, 2013], state, "unavailable");
    }
    check(&[4025], "23000", "refused");
    check(&[4025], "HY000", "unavailable");
    // Not in the list: the state decides.
    check(&[9999], "22003", "refused");
    check(&[9999], "40001", "collided");
    check(&[9999], "42S02", "misconfigured");
    check(&[9999], "28000", "misconfigured");
    // Bad syntax, or a limit: waiting does no harm.
    check(&[9999], "42000", "unavailable");
    check(&[9999], "08S01", "unavailable");
    check(&[9999], "", "unavailable");
}

#[test]
fn without_a_number_the_kind_decides() {
    let check = |error: sqlx::Error, transient: bool| {
        let text = error.to_string();
        assert_eq!(Error::from(error).is_away(), transient, "{text}");
    };
    check(sqlx::Error::PoolTimedOut, true);
    check(sqlx::Error::PoolClosed, true);
    check(sqlx::Error::Io(io::ErrorKind::ConnectionReset.into()), true);
    check(sqlx::Error::Io(io::Error::new(io::ErrorKind::InvalidData, "invalid peer certificate")), false);
    check(sqlx::Error::Tls("server does not support TLS".into()), false);
    check(sqlx::Error::Protocol("unexpected packet".into()), true);
    check(sqlx::Error::Protocol("unknown authentication plugin: x".into()), false);
    check(sqlx::Error::ColumnNotFound("price".into()), false);
}
