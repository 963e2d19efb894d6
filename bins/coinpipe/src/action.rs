//! What is written down of something that an operator does, and who that is.

use chrono::{DateTime, Utc};
use domain::one_line;
use ports::store::Action;
use serde_json::Value;

/// The longest name of somebody, or of a machine, in characters.
const NAME: usize = 100;

/// The record that `who`, or whoever types it, does `verb` now to so many letters, those of `filter`.
pub(crate) fn action(
    verb: &str,
    filter: &Value,
    matched: u64,
    who: Option<&str>,
    now: DateTime<Utc>,
) -> Action {
    desk::action(verb, filter, matched, &name_of(who), now)
}

/// The name `who`, or of whoever types.
pub(crate) fn name_of(who: Option<&str>) -> String {
    who.map_or_else(whoami, |who| one_line(who, NAME))
}

/// Who is at the keyboard, and where: user@host, as far as the system says it.
pub(crate) fn whoami() -> String {
    let of_environment = |name: &str| std::env::var(name).ok();
    let named = |name: &String| !name.trim().is_empty();
    let user = ["USER", "LOGNAME", "USERNAME"].into_iter().filter_map(of_environment).find(named);
    // A container has no such variables, and a user without a name.
    let user = user.unwrap_or_else(|| user_of(rustix::process::getuid().as_raw()));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().filter(named);
    let host = host.or_else(|| of_environment("HOSTNAME").filter(named));
    let host = host.unwrap_or_else(|| "unknown".to_owned());
    let [user, host] = [user, host].map(|name| one_line(name.trim(), NAME));
    format!("{user}@{host}")
}

/// The user with this number, where nobody says a name.
fn user_of(uid: u32) -> String {
    format!("uid:{uid}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_a_name_has_a_number() {
        assert_eq!(user_of(1000), "uid:1000");
        let (user, host) =
            whoami().split_once('@').map(|(user, host)| (user.to_owned(), host.to_owned())).unwrap();
        assert!(user != "unknown" && !host.is_empty(), "{user}@{host}");
    }
}
