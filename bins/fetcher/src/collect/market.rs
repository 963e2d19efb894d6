//! A kind of the market as the collector sees it: what is asked for, how an answer is kept, and what is wrong with all of them.

use domain::{MarketKind, Shape, Slot, Verdict};
use tracing::{info, warn};

use super::client::{FetchError, ListingsPage};
use super::{Collector, Ending, FetchJob};
use crate::judge::{Memory, Page, judge_map, verdict};
use crate::progress::Step;
use crate::spool::{Calls, Manifest, PageRecord};
use crate::subject::Subject;

impl Collector {
    /// What is asked for of `subject` in `slot`.
    pub(crate) fn order_of(&self, subject: Subject, slot: Slot) -> Manifest {
        let Subject::Market(kind) = subject else { return self.order(slot) };
        let description = kind.description();
        let convert = kind.currencies(&self.settings.convert);
        let (limit, page_size) = match description.shape {
            Shape::Object => (1, 1),
            Shape::ObjectPerCurrency => (u32::try_from(convert.len()).unwrap_or(u32::MAX), 1),
            Shape::List { page_size, most } => (most, page_size),
        };
        let api_version =
            if description.path.starts_with("v3/") { domain::ApiVersion::V3 } else { domain::ApiVersion::V1 };
        let of_kind = self.order(slot);
        let batch = domain::BatchId::new(slot, description.endpoint, &convert);
        let endpoint = description.endpoint.to_owned();
        let (calls, ids) = (Calls::One, Vec::new());
        Manifest { batch, endpoint, api_version, convert, calls, limit, page_size, ids, ..of_kind }
    }

    /// Asks for a page of a kind.
    pub(super) async fn ask_for(
        &self,
        kind: MarketKind,
        order: &Manifest,
        number: u32,
    ) -> Result<ListingsPage, FetchError> {
        let (start, limit) = order.range(number);
        let currency = order.convert.get(number as usize - 1).map_or("", String::as_str);
        self.client.market(kind, start, limit, currency).await
    }

    /// Keeps an answer about a kind.
    pub(super) async fn take_answer(
        &self,
        job: FetchJob<'_>,
        number: u32,
        page: ListingsPage,
        pages: &mut Vec<PageRecord>,
    ) -> Result<(), Ending> {
        let order = job.order;
        let record = self.to_record(order, number, &page);
        let (rows, bytes) = (record.rows, page.body.len());
        self.store_page(job, &record, page).await?;
        pages.push(record);
        let of = order.pages_expected(pages);
        job.observer.step(Step::Received { page: number, pages: of, rows, bytes });
        info!(batch = %order.batch, page = number, of, row_count = rows, bytes, "fetched a page");
        Ok(())
    }

    /// As [`judge_batch`](Self::judge_batch) does for listings. There is one of most kinds, which is compared with nothing.
    pub(super) async fn judge_market(
        &self,
        kind: MarketKind,
        order: &Manifest,
        pages: &[PageRecord],
    ) -> (Option<Verdict>, Memory) {
        let memory = self.remembered().await;
        if kind != MarketKind::Map {
            return (None, memory);
        }
        let mut summaries = Vec::new();
        for record in pages {
            summaries.push(self.read_summary(order, record.page).await);
        }
        let pages: Vec<_> =
            pages.iter().zip(&summaries).map(|(record, summary)| Page { record, summary }).collect();
        let judged = judge_map(order, &pages, &memory, &self.judge);
        let verdict = verdict(&judged.findings);
        if let Some(Verdict { doubt, why }) = &verdict {
            let reason = format!("{} is {doubt}: {why}", order.batch);
            warn!("{reason}");
            self.incidents.report(&format!("batch_{doubt}"), &order.batch, &reason).await;
        }
        (verdict, judged.memory)
    }
}
