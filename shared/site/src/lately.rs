//! What was found a moment ago and is told again, so that many who look cost the store no more than one.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

/// How long an answer is given again: ages are written in minutes, and quotes come each minute at most. With one second, visitors who
/// ask for five views 20 times a second cost twice as much (decision 33).
pub(crate) const MOMENT: TimeDelta = TimeDelta::seconds(5);

/// What was found last, and when.
#[derive(Debug)]
pub(crate) struct Lately<T>(Mutex<Option<(DateTime<Utc>, T)>>);

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Lately<T> {
    /// What was found less than `kept` before `now`, or else what `find` finds, if it does. Those who ask at once wait for one answer.
    pub(crate) async fn or_find<E>(
        &self,
        now: DateTime<Utc>,
        kept: TimeDelta,
        find: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let mut last = self.0.lock().await;
        if let Some((at, found)) = &*last
            && (TimeDelta::zero()..kept).contains(&(now - *at))
        {
            return Ok(found.clone());
        }
        let found = find.await?;
        *last = Some((now, found.clone()));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use testkit::contract::store::sample::at;

    use super::*;

    #[tokio::test]
    async fn what_was_found_is_told_again_until_its_time_is_over() {
        let lately = Lately::default();
        let ask = async |now, answer: Result<u32, &'static str>| {
            lately.or_find(at(now), TimeDelta::seconds(5), async { answer }).await
        };
        assert_eq!(ask(10, Err("away")).await, Err("away"));
        assert_eq!(ask(10, Ok(1)).await, Ok(1), "trouble is not kept");
        assert_eq!(ask(14, Ok(2)).await, Ok(1));
        assert_eq!(ask(9, Ok(3)).await, Ok(3), "the clock was put back");
        assert_eq!(ask(14, Ok(4)).await, Ok(4));
        assert_eq!(ask(19, Err("away")).await, Err("away"));
    }
}
