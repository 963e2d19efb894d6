//! The servers' error numbers. MySQL and MariaDB share those below 1900 or so:
//! <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>,
//! <https://mariadb.com/kb/en/mariadb-error-code-reference/>

pub(super) const DUPLICATE: u16 = 1062;
pub(super) const NO_SUCH_TABLE: u16 = 1146;

/// No right to the database, a table, a column, an action.
pub(super) const DENIED: [u16; 6] = [1044, 1142, 1143, 1227, 1370, 1419];

/// What the number of an error tells about what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Another transaction was in the way; the whole transaction can be tried again.
    Collided,
    /// The values of a row do not fit.
    Refused,
    /// Waiting helps.
    Unavailable,
    /// Someone has to act; what to do.
    Misconfigured(&'static str),
}

/// What an error with this number and SQLSTATE means.
pub(super) fn meaning(number: u16, state: &str) -> Meaning {
    use Meaning::{Collided, Misconfigured, Refused, Unavailable};
    match number {
        // Lock wait timeout, deadlock; record or table changed since the snapshot, or since the statement was
        // prepared.
        1205 | 1213 | 1020 | 1412 | 1615 => Collided,

        // Null, duplicate, foreign key; out of range, truncated, wrong type, too long; no partition, not UTF-8,
        // bad JSON.
        1048 | 1062 | 1216 | 1452 | 1264 | 1265 | 1292 | 1366 | 1367 | 1406 | 1526 | 1690 | 1300 | 3140 => {
            Refused
        }
        // A check, in MySQL and in MariaDB; in MySQL the second number means something else.
        3819 => Refused,
        4025 if state == "23000" => Refused,

        1045 | 1130 | 1251 | 1698 | 1820 | 1862 | 3118 | 4151 => {
            Misconfigured("check user and password in the URL, and from where the user may log in")
        }
        1049 => Misconfigured("create the database, or name another in the URL"),
        1044 => {
            Misconfigured("create the database and grant the user rights on it, or name another in the URL")
        }
        number if DENIED.contains(&number) => {
            Misconfigured("grant the user SELECT, INSERT, UPDATE and DELETE on the database")
        }
        1146 | 1054 | 1356 | 1051 | 1364 | 1136 | 1050 | 1060 | 1061 => Misconfigured(
            "the tables are not as coinpipe made them: restore what was dropped, renamed or changed",
        ),
        // A table where coinpipe has a view: most often the one that a script made before.
        1347 => {
            Misconfigured("rename the table that has the name of coinpipe's view, or name another database")
        }
        1064 | 1115 | 1193 | 1273 | 1305 => {
            Misconfigured("the server is too old, or not MySQL 8.4 or MariaDB 10.11 and later")
        }
        1153 => Misconfigured("raise max_allowed_packet of the server"),
        1665 => Misconfigured("set binlog_format=ROW of the server"),

        // Disk full, too many connections, shutting down, read-only, killed, out of memory or locks, limits of
        // a user, a cluster that is not ready, statement timeouts.
        1021
        | 1114
        | 1030
        | 1040
        | 1203
        | 1226
        | 1053
        | 1077
        | 1079
        | 1290
        | 1792
        | 1836
        | 1317
        | 1927
        | 1037
        | 1038
        | 1041
        | 1206
        | 1047
        | 1129
        | 1152
        | 1158..=1161
        | 1180
        | 1223
        | 1969
        | 3024
        | 3100
        | 3101
        | 2000..=2999 => Unavailable,

        // A number not foreseen: the class of its SQLSTATE tells enough. Without one that speaks, waiting is
        // the answer that neither loses a message nor stops a worker, and its reason is logged at each try.
        _ => match state.get(..2) {
            Some("40") => Collided,
            // Values, constraints, and triggers that someone added.
            Some("21" | "22" | "23" | "44" | "45") => Refused,
            Some("28" | "3D" | "42") => Misconfigured("change the configuration or the database accordingly"),
            _ => Unavailable,
        },
    }
}
