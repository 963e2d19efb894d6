//! The past: quotes of some coins at past instants, and the listing at the end of a day, as far back as the plan goes.

use chrono::{DateTime, Days, TimeDelta, Utc};
use domain::ApiVersion;

use super::Api;
use super::request::Request;
use crate::account::history_credits;
use crate::delivery::Answer;
use crate::errors::ApiError;
use crate::fault::{Fault, Reach};
use crate::options::Options;
use crate::query::{self, HistoryQuery};

/// How far back the plan goes, in days.
pub(super) struct HistoryPlan {
    hours: u32,
    days: u32,
}

impl HistoryPlan {
    pub(super) fn of(options: &Options) -> Self {
        Self { hours: options.history_hours, days: options.history_days }
    }

    /// Whether quotes every so often are there from `at` on.
    fn reaches(&self, at: DateTime<Utc>, interval: TimeDelta, now: DateTime<Utc>) -> bool {
        let days = if interval < TimeDelta::days(1) { self.hours } else { self.days };
        now.checked_sub_days(Days::new(days.into())).is_none_or(|first| at >= first)
    }
}

/// What goes wrong with an answer.
struct PastFaults {
    hours: usize,
    coins: usize,
    credits: Option<u64>,
}

impl Api {
    /// What goes wrong with the next answer.
    fn past_faults(&self) -> PastFaults {
        let mut wrong = PastFaults { hours: usize::MAX, coins: usize::MAX, credits: None };
        for fault in self.active_faults().plan.take_all(Reach::Past) {
            match fault {
                Fault::PastEmpty => wrong.coins = 0,
                Fault::PastHours(hours) => wrong.hours = hours as usize,
                Fault::PastShort(coins) => wrong.coins = coins as usize,
                Fault::PastCredits(credits) => wrong.credits = Some(credits.into()),
                _ => {}
            }
        }
        wrong
    }

    pub(super) fn quotes_history(
        &self,
        request: &Request,
        parameters: &[(String, String)],
    ) -> Result<Answer, ApiError> {
        let now = request.received_at;
        let query = HistoryQuery::parse(parameters, now)?;
        self.account.check_converts(query.converts.len())?;
        let mut instants = query.instants(now);
        if instants.first().is_some_and(|first| !self.history.reaches(*first, query.interval(), now)) {
            return Err(ApiError::with_status(403, 1006));
        }
        let faults = self.past_faults();
        instants.truncate(faults.hours);
        let mut coins = self.source.history(&query, &instants)?;
        if coins.is_empty() {
            return Err(ApiError::with_status(400, 400));
        }
        coins.truncate(faults.coins);
        let credits = history_credits(coins.len() * instants.len(), query.converts.len());
        let credits = faults.credits.unwrap_or(credits);
        let notice = self.account.spend(credits, now)?;
        let data = match (query.ids.as_slice(), coins.as_slice()) {
            ([_], [(_, coin)]) => coin.clone(),
            // Several are wrapped in one more object.
            (_, coins) => {
                let coins: Vec<_> = coins.iter().map(|(id, coin)| format!("\"{id}\":{coin}")).collect();
                format!("{{{}}}", coins.join(","))
            }
        };
        Ok(Answer::json(200, self.status(request, credits, notice).v3_object(&data)))
    }

    pub(super) fn listing_history(
        &self,
        request: &Request,
        parameters: &[(String, String)],
    ) -> Result<Answer, ApiError> {
        let now = request.received_at;
        let (end, query) = query::day(parameters, now)?;
        self.account.check_converts(query.converts.len())?;
        if !self.history.reaches(end, TimeDelta::days(1), now) {
            let refused = "Your plan does not include the history of this day".to_owned();
            return Err(ApiError::bad_request(refused));
        }
        let mut page = self.source.page(ApiVersion::V1, &query, end, true, &[])?;
        let faults = self.past_faults();
        page.rows.truncate(faults.coins);
        let credits = history_credits(page.rows.len(), query.converts.len());
        let credits = faults.credits.unwrap_or(credits);
        let notice = self.account.spend(credits, now)?;
        Ok(Answer::json(200, self.status(request, credits, notice).listing(ApiVersion::V1, &page)))
    }
}
