//! The store on a real server: the contract, and what only a server can show.
//!
//! `COINPIPE_TEST_MYSQL_URL` names a server and a user that may create databases and users there, such as
//! `mysql://root:secret@127.0.0.1:3306/mysql`. Each test works in a database of its own. Two tests break their
//! server, and start one of their own.

mod contract;
mod conversion;
mod data_kind;
mod database;
mod load;
mod private;
mod proxy;
mod rights;
mod schema;
mod side_by_side;
mod source;
mod trouble;
