//! Who types a command: user@host.

/// As far as the system says it.
pub(crate) fn am_i() -> String {
    let of_environment = |name: &str| std::env::var(name).ok();
    let named = |name: &String| !name.trim().is_empty();
    let user = ["USER", "LOGNAME", "USERNAME"].into_iter().filter_map(of_environment).find(named);
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().filter(named);
    let host = host.or_else(|| of_environment("HOSTNAME").filter(named));
    let [user, host] =
        [user, host].map(|name| name.map_or("unknown".to_owned(), |name| name.trim().to_owned()));
    format!("{user}@{host}")
}
