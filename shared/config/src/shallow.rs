//! Reading TOML of whatever depth: a configuration has sections with keys, and what is nested deeper only has to be
//! told as a mistake.

use std::{io, thread};

use toml::de::Error;
use toml::{Table, Value};

/// The parser takes 80 levels of brackets, and keys of 80 parts in each: 6,400 tables in one another. It goes into them,
/// and drops them, one call a level, which overflows a thread's usual 2 MiB. Debug builds need 16 to 32 MiB.
const STACK: usize = 128 << 20;

/// Sections and keys of `text`. Tables and lists in the place of a value, or of a list's item, are empty. The outer
/// error: the system gives no thread to do it in.
pub(crate) fn parse(text: &str) -> io::Result<Result<Table, Error>> {
    let parsing = || {
        let mut table: Table = text.parse()?;
        for (_, section) in &mut table {
            match section {
                Value::Table(keys) => keys.iter_mut().for_each(|(_, value)| cut(value)),
                other => cut(other),
            }
        }
        Ok(table)
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, parsing)?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Empties the tables and lists in `value`, down to the items of a list.
fn cut(value: &mut Value) {
    let empty = |value: &mut Value| match value {
        Value::Table(table) => table.clear(),
        Value::Array(items) => items.clear(),
        _ => {}
    };
    match value {
        Value::Array(items) => items.iter_mut().for_each(empty),
        other => empty(other),
    }
}
