//! The servers' error numbers, one by one: which are waited for, which need someone to act, which are about a
//! row. MySQL and MariaDB share those below 1900 or so:
//! <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>,
//! <https://mariadb.com/kb/en/mariadb-error-code-reference/>
//!
//! What a server can lift by itself, or its operator without touching coinpipe, is waited for: a limit is an
//! outage. Left out are numbers that no statement of coinpipe can meet: those of replicas, stored routines,
//! events, partitions, full text, geometry, XA and accounts' own statements. Should one come all the same, the
//! class of its SQLSTATE decides.

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

use Meaning::{Collided, Misconfigured, Refused, Unavailable};

/// What an error with this number and SQLSTATE means.
pub(super) fn meaning(number: u16, state: &str) -> Meaning {
    let known = collided(number)
        .or_else(|| refused(number, state))
        .or_else(|| misconfigured(number))
        .or_else(|| unavailable(number));
    known.unwrap_or_else(|| not_foreseen(state))
}

fn collided(number: u16) -> Option<Meaning> {
    match number {
        // A lock was waited for too long, or by two who wait for each other; the same about a lock of ours with a
        // name (MySQL), and a row that another one holds (MySQL).
        1205 | 1213 | 3058 | 3572
        // A record was changed since it was read; a table since the snapshot, or since the statement was prepared.
        | 1020 | 1412 | 1615
        // A wait given up for a change of the table; a branch of a transaction that was undone.
        | 1689 | 1613 | 1614
        // An engine that says itself that it is for a moment; a cluster that certified another transaction first,
        // or undid this one (Galera: 1213; group replication: 3101; MariaDB in order: 1964).
        | 1297 | 3101 | 1964 => Some(Collided),
        _ => None,
    }
}

fn refused(number: u16, state: &str) -> Option<Meaning> {
    match number {
        // Null where there may be none; a key that is there already; a row of another table that is missing, or
        // that still needs this one.
        1048 | 1138 | 1263 | 1022 | DUPLICATE | 1169 | 1586 | 1859 | 1216 | 1217 | 1451 | 1452 | 1761 | 1762
        // Out of range, cut off, of another type, too long, divided by zero; no date; not UTF-8.
        | 1162 | 1264 | 1265 | 1292 | 1299 | 1300 | 1365 | 1366 | 1367 | 1406 | 1411 | 1441 | 1690 | 1916..=1918
        | 1977 | 3988
        // A row as a whole: longer than a page or the undo log takes; no partition for it; not what a view shows.
        | 1118 | 1713 | 1369 | 1526 | 1591 | 1748
        // JSON: bad, too long, too deep. A check, in MySQL.
        | 3140 | 3150 | 3157 | 3819
        // JSON in MariaDB, where MySQL has nothing.
        | 4035..=4040 => Some(Refused),
        // A check, in MariaDB; in MySQL this number means something else.
        4025 if state == "23000" => Some(Refused),
        _ => None,
    }
}

fn misconfigured(number: u16) -> Option<Meaning> {
    let hint = match number {
        // A password that is wrong, missing, expired or of an older kind; a host or an account that may not log in;
        // a plugin for logging in that is not there; no TLS where the server wants it.
        1045 | 1130 | 1251 | 1275 | 1524 | 1698 | 1820 | 1862 | 1873 | 3118 | 4151 => {
            "check user and password in the URL, and from where the user may log in"
        }
        3159 => "the server wants TLS: add ssl-mode=required to the URL",
        1046 | 1049 | 1102 => "create the database, or name another in the URL",
        1044 => "create the database and grant the user rights on it, or name another in the URL",
        number if DENIED.contains(&number) => {
            "grant the user SELECT, INSERT, UPDATE and DELETE on the database"
        }
        // No such table, column, key or view, or more of them than coinpipe made; a column without its default; a
        // column of another type or collation; a view that is broken, or whose maker is gone; a trigger that touches
        // what it is on.
        NO_SUCH_TABLE | 1051 | 1109 | 1054 | 1082 | 1091 | 1176 | 1247 | 1356 | 1471 | 1288 | 1364 | 1423 | 1058
        | 1136 | 1052 | 1050 | 1060 | 1061 | 1267 | 1270 | 1271 | 1449 | 1442 | 1932 | 1965 => {
            "the tables are not as coinpipe made them: restore what was dropped, renamed or changed"
        }
        // A table where coinpipe has a view: most often the one that a script made before.
        1347 => "rename the table that has the name of coinpipe's view, or name another database",
        // A file of a table that is gone, damaged, of another server's version, or thrown out.
        1017 | 1033 | 1035 | 1194 | 1195 | 1459 | 1707 | 1712 | 1808 | 1812..=1814 | 1817 | 1877 | 3000 => {
            "a table is damaged: check and repair it, or restore it from a backup"
        }
        // Syntax, character sets, collations, functions, variables, engines, features that are not there.
        1064 | 1065 | 1149 | 1115 | 1193 | 1231 | 1232 | 1235 | 1238 | 1273 | 1286 | 1289 | 1295 | 1305 | 1630
        // What tables may not have: no such definition of ours is in MySQL 8.4 or MariaDB 10.11.
        | 1063 | 1067..=1075 | 1110 | 1112 | 1163 | 1164 | 1166 | 1167 | 1170 | 1171 | 1239 | 1280 | 1425..=1427
        | 1709 | 1846 | 3750 => "the server is too old, or not MySQL 8.4 or MariaDB 10.11 and later",
        // Limits that no time lifts: the same statement meets them again.
        1153 => "raise max_allowed_packet of the server",
        1104 => "raise max_join_size of the server, or set sql_big_selects",
        1197 | 1705 => "raise max_binlog_cache_size and max_binlog_stmt_cache_size of the server",
        1119 | 1436 => "raise thread_stack of the server",
        1175 => "do not set sql_safe_updates for coinpipe's user",
        // How the server writes its log of changes does not go with how coinpipe writes.
        1598 | 1661..=1667 | 4056 => "set binlog_format=ROW of the server",
        1785..=1787 => "the tables have to be InnoDB's: alter them, or set enforce_gtid_consistency=OFF",
        3098 => "group replication wants InnoDB tables with primary keys: restore what was changed",
        1558 | 1548 | 1728 | 1805 | 3009 => "the server's own tables are of another version: run its upgrade",
        _ => return None,
    };
    Some(Misconfigured(hint))
}

/// Without an arm of its own most of these would be waited for all the same; this is the list of what was thought of.
fn unavailable(number: u16) -> Option<Meaning> {
    match number {
        // The disk: full, or full for tables, indexes, temporary files and logs; failing; files that cannot be
        // made, opened (too many are), locked, read, written, renamed. 1030 is any error of an engine, 1034 most
        // often a temporary file that did not fit.
        1021 | 1114 | 4139 | 3675 | 1878 | 3019 | 1028 | 1030 | 1034 | 1004..=1006 | 1009..=1011 | 1013..=1016
        | 1018 | 1019 | 1023..=1027 | 1029 | 1031 | 1032 | 1036 | 1039 | 1296 | 1374 | 1376 | 1810 | 1811 | 1815
        // Memory, threads, locks, transactions at once.
        | 1037 | 1038 | 1041 | 1135 | 1206 | 1637 | 3015 | 3044 | 1257..=1259 | 1080 | 1081
        // Limits on connections, of the server and of the user; 1226 is each resource of a user: connections at
        // once, and what is counted anew each hour.
        | 1040 | 1203 | 1226
        // A limit on statements prepared by all clients together.
        | 1461
        // A host or a user that is kept out after too many failures, until it is flushed or time has passed:
        // MySQL and MariaDB, MariaDB, MySQL.
        | 1129 | 4150 | 3955
        // The server is shutting down, starting, not for clients now (offline_mode, 3032), or not answering.
        | 1053 | 1077..=1079 | 3032 | 3168
        // It does not write now: read_only, super_read_only, innodb_read_only or a recovery; somebody reads all
        // with a lock, or makes a backup.
        | 1290 | 1792 | 1836 | 1874 | 1223 | 1192 | 1099 | 1100 | 4145
        // A cluster that has no majority, is not joined yet, or could not take the commit (Galera, group
        // replication, semi-synchronous replication); a commit or its undoing that failed.
        | 1047 | 1180..=1184 | 1186 | 1196 | 3100
        // The statement or the connection was ended: by a person, a limit of time, silence (4031, in MySQL).
        | 1317 | 1969 | 3024 | 1927 | 1931 | 3169 | 4031
        // What is between: names that could not be looked up, handshakes and packets that broke, a proxy that lost
        // what was prepared or left a transaction open, a server behind the server.
        | 1042 | 1043 | 1152 | 1154..=1161 | 1189 | 1190 | 1218 | 1219 | 1243 | 1421 | 1568 | 1835 | 1429 | 1430
        // Anything.
        | 1105
        // The client's own numbers, which proxies use.
        | 2000..=2999 => Some(Unavailable),
        _ => None,
    }
}

/// A number that is not in the lists. Where the class of its SQLSTATE does not tell, waiting is the answer that
/// neither loses a message nor ends a worker; its reason is logged. 42000 does not tell: it is said of bad syntax,
/// and of limits.
fn not_foreseen(state: &str) -> Meaning {
    match state.get(..2) {
        Some("40") => Collided,
        // Values, constraints, and triggers that someone added.
        Some("21" | "22" | "23" | "44" | "45") => Refused,
        Some("28" | "3D") => Misconfigured("change the configuration or the database accordingly"),
        Some("42") if state.starts_with("42S") => {
            Misconfigured("the tables are not as coinpipe made them: restore what was dropped or changed")
        }
        _ => Unavailable,
    }
}
