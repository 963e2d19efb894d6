//! The answers about the market beside its listings.

use domain::{MarketKind, Shape};

use super::Api;
use super::answer::shifted;
use super::request::{Endpoint, Request};
use crate::delivery::Answer;
use crate::errors::ApiError;
use crate::fault::{Fault, Reach};
use crate::query::MarketQuery;
use crate::tamper;

impl Api {
    pub(super) fn market(
        &self,
        request: &Request,
        kind: MarketKind,
        query: &MarketQuery,
    ) -> Result<Answer, ApiError> {
        let (faults, since) = {
            let mut active = self.active_faults();
            (active.plan.take_all(Reach::Listing), active.since)
        };
        let vanished: Vec<u32> = faults
            .iter()
            .filter_map(|fault| if let Fault::Vanished(id) = fault { Some(*id) } else { None })
            .collect();
        let frozen = faults.contains(&Fault::Frozen);
        let now = if frozen { since } else { shifted(request.received_at, &faults) };
        let start = if faults.contains(&Fault::SamePage) { 1 } else { query.start };
        let asked = MarketQuery { start, ..query.clone() };
        let mut page = self.source.market(kind, &asked, now, &vanished)?;
        tamper::apply(&faults, &mut page).map_err(|_| ApiError::with_status(500, 500))?;
        let (credits, notice) = if let Endpoint::AnonymousMarket(_) = request.endpoint {
            // It says so, although there is no account that could pay.
            (1, None)
        } else {
            let credits = kind.batch_credits(u32::try_from(query.converts.len()).unwrap_or(u32::MAX));
            (credits.into(), self.account.spend(credits.into(), request.received_at)?)
        };
        let mut status = self.status(request, credits, notice);
        status.code_as_text = faults.contains(&Fault::TextCode);
        let data = match kind.description().shape {
            Shape::List { .. } => format!("[{}]", page.rows.join(",")),
            Shape::Object | Shape::ObjectPerCurrency => page.rows.pop().unwrap_or_else(|| "{}".to_owned()),
        };
        Ok(Answer::json(200, status.about(kind.description().path.starts_with("v3/"), &data)))
    }
}
