//! The incidents that were filed while a snapshot was taken, for the person who waited for it. Rejected coins and messages are told in
//! the result.

use chrono::{DateTime, Utc};
use domain::{Class, one_line};
use ports::store::{AlertGroup, GroupState};

use crate::adapters::Adapters;
use crate::output;

/// Says what was filed since `began_at`, but for the letter with the code `told`.
pub(super) async fn tell(adapters: &Adapters, began_at: DateTime<Utc>, told: Option<&str>) {
    // When the store is away, the result says so.
    let groups = adapters.stores.letters.groups(Some(GroupState::Open)).await.unwrap_or_default();
    for line in lines(&groups, began_at, told) {
        output::say(line);
    }
}

fn lines(groups: &[AlertGroup], began_at: DateTime<Utc>, told: Option<&str>) -> Vec<String> {
    let is_new = |group: &&AlertGroup| group.class == Class::Incident && group.last_seen_at >= began_at;
    let others = groups.iter().filter(is_new).filter(|group| told != Some(&group.code));
    others.map(|group| format!("warning: {}", one_line(&group.reason, 1500))).collect()
}

#[cfg(test)]
mod tests {
    use testkit::contract::store::sample;

    use super::*;

    #[test]
    fn only_new_incidents_are_told_that_nothing_else_tells() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let group = |class, code: &str, second| AlertGroup {
            class,
            code: code.to_owned(),
            reason: format!("about {code}"),
            last_seen_at: at(second),
            ..sample::group("", at(0))
        };
        let groups = [
            group(Class::Incident, "credits_80", 100),
            group(Class::Incident, "api_1001", 101),
            group(Class::Incident, "api_drift", 99),
            group(Class::RejectedRows, "price_negative", 102),
        ];
        assert_eq!(lines(&groups, at(100), Some("api_1001")), ["warning: about credits_80"]);
        assert_eq!(lines(&groups, at(100), None), ["warning: about credits_80", "warning: about api_1001"]);
    }
}
