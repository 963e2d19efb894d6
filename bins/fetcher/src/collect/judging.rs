//! The collector and its judge: pages that are worth asking for again, the verdict on a batch, and what is remembered of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use domain::{BatchId, Verdict, decompress_body};
use tracing::{debug, info, warn};

use super::client::ListingsPage;
use super::doubts::Doubts;
use super::snapshot::{Again, Wait};
use super::{Collector, Ending, FetchJob, GaveUp};
use crate::judge::{
    Check, Finding, Memory, Page, PageSummary, coins_again, findings_of_day, findings_of_page, judge,
    judge_day, judge_hour, verdict, words,
};
use crate::progress::Step;
use crate::spool::{ClaimState, Manifest, PageRecord, Spool, blocking};
use crate::subject::Subject;

/// What the judge knows between pages and between batches.
#[derive(Default)]
pub(super) struct JudgeState {
    /// Of the batch in work, by page, so that none is read twice.
    summaries: Mutex<BTreeMap<u32, (BatchId, Arc<PageSummary>)>>,
    /// `None` until it is read from the spool.
    memory: Mutex<Option<Memory>>,
    /// The checks that found something in the newest batch of which one did.
    found: Mutex<Option<(BatchId, Vec<Check>)>>,
}

/// A page that came, and what was found wrong with it.
struct Answer {
    record: PageRecord,
    page: ListingsPage,
    summary: Arc<PageSummary>,
    findings: Vec<Finding>,
}

impl Collector {
    /// When something is not what it claims to be.
    pub(crate) fn judge_settings(&self) -> &config::Judge {
        &self.judge
    }

    /// Takes an answer: keeps it when it is better than what is there, and waits when the page is to be asked for again. The ending,
    /// if any, is that of the batch.
    pub(super) async fn take_page(
        &self,
        job: FetchJob<'_>,
        number: u32,
        page: ListingsPage,
        pages: &mut Vec<PageRecord>,
        doubts: &mut Doubts,
    ) -> Result<(), Ending> {
        let answer = self.look_at(job.order, number, page, pages).await;
        let findings = answer.findings.clone();
        let tries = doubts.count_answer(number);
        let now = self.clock.now();
        let until = now + TimeDelta::from_std(self.judge.wait).unwrap_or(TimeDelta::zero());
        let asks_again = tries < self.judge.tries
            && !doubts.are_in_vain(&findings)
            && job.patience.allows(until, now, tries)
            && self.credits.can_spare(answer.record.asked);

        self.keep_better(job, answer, asks_again, pages, doubts).await?;
        let is_there = pages.iter().any(|page| page.page == number);
        doubts.decide(number, &findings, asks_again, is_there);
        let reason = words(&findings);
        if asks_again {
            let code = findings.first().map_or("", |finding| finding.check.name());
            let tries = (tries, Some(self.judge.tries));
            let wait = Wait { again: Again::Doubted, code, reason: &reason, until, tries };
            return if self.wait_told(job, wait).await { Ok(()) } else { Err(Ending::Interrupted) };
        }
        if pages.is_empty() {
            let code = Check::EmptyListing.name().to_owned();
            return Err(Ending::GaveUp(GaveUp { code, reason, hint: None, until: None, lasts: false }));
        }
        doubts.stay(&findings, tries);
        if !findings.is_empty() {
            debug!(batch = %job.order.batch, page = number, tries, "kept as it came: {reason}");
        }
        Ok(())
    }

    /// What is wrong with the page `number` that came, beside the others of its batch.
    async fn look_at(
        &self,
        order: &Manifest,
        number: u32,
        mut page: ListingsPage,
        pages: &[PageRecord],
    ) -> Answer {
        let record = self.to_record(order, number, &page);
        let (summary, body) = self.summarise(order, number, page.body).await;
        page.body = body;
        if record.rows > 0 && !summary.has_ids() {
            warn!(
                batch = %order.batch, page = number, row_count = record.rows,
                "no coin of a page has an id, so most checks say nothing of it"
            );
        }
        let findings = self.findings(order, &record, &summary, pages);
        self.count(&order.batch, &findings);
        Answer { record, page, summary, findings }
    }

    /// A page of a day of the past, beside those `pages` that came before, and what is wrong with it.
    pub(super) async fn look_at_day(
        &self,
        order: &Manifest,
        number: u32,
        mut page: ListingsPage,
        pages: &[PageRecord],
    ) -> (PageRecord, ListingsPage, Vec<Finding>) {
        let record = self.to_record(order, number, &page);
        let (summary, body) = self.summarise(order, number, page.body).await;
        page.body = body;
        let mut others = Vec::new();
        for other in pages.iter().filter(|other| other.page != number) {
            others.push((other, self.read_summary(order, other.page).await));
        }
        let others: Vec<_> = others.iter().map(|(record, summary)| Page { record, summary }).collect();
        let findings =
            findings_of_day(order, &Page { record: &record, summary: &summary }, &others, &self.judge);
        (record, page, findings)
    }

    /// What is said of a batch of the past that is about to be sealed with these `pages`.
    pub(super) async fn judge_past(&self, order: &Manifest, pages: &[PageRecord]) -> Option<Verdict> {
        if !order.ids.is_empty() {
            return verdict(&judge_hour(order, pages, &self.judge));
        }
        let mut summaries = Vec::new();
        for page in pages {
            summaries.push(self.read_summary(order, page.page).await);
        }
        let pages: Vec<_> =
            pages.iter().zip(&summaries).map(|(record, summary)| Page { record, summary }).collect();
        verdict(&judge_day(order, &pages, &self.judge))
    }

    /// Keeps `answer` when it is better than what is there of its page; else only what it cost.
    async fn keep_better(
        &self,
        job: FetchJob<'_>,
        answer: Answer,
        asks_again: bool,
        pages: &mut Vec<PageRecord>,
        doubts: &mut Doubts,
    ) -> Result<(), Ending> {
        let Answer { record: new, page, summary, findings } = answer;
        let number = new.page;
        let held = pages.iter().position(|held| held.page == number);
        let is_better = held.is_none_or(|held| findings.is_empty() || new.rows > pages[held].rows);
        // Of an empty page nothing is worth keeping, until it is known that the others come.
        let is_nothing = new.rows == 0 && (asks_again || pages.is_empty());
        if is_better && !is_nothing {
            let before = held.map_or(0, |held| pages[held].credits);
            let unkept = doubts.take_unkept_credits(number);
            let credits = new.credits.saturating_add(unkept).saturating_add(before);
            let record = PageRecord { credits, ..new };
            let (rows, bytes) = (record.rows, page.body.len());
            self.store_page(job, &record, page).await?;
            pages.retain(|page| page.page != number);
            pages.push(record);
            let of = job.order.pages_expected(pages);
            job.observer.step(Step::Received { page: number, pages: of, rows, bytes });
            let batch = &job.order.batch;
            info!(%batch, page = number, of, row_count = rows, bytes, "fetched a page");
            self.state.summaries().insert(number, (batch.clone(), summary));
            return Ok(());
        }
        doubts.keep_nothing(number, new.credits);
        if let Some(held) = held.filter(|_| !asks_again) {
            let unkept = doubts.take_unkept_credits(number);
            pages[held].credits = pages[held].credits.saturating_add(unkept);
            self.restore_page(job, &pages[held]).await?;
        }
        Ok(())
    }

    /// Counts what checks found, each check once for a batch.
    fn count(&self, batch: &BatchId, findings: &[Finding]) {
        let mut found = self.state.found.lock().unwrap_or_else(PoisonError::into_inner);
        for check in findings.iter().map(|finding| finding.check) {
            let (_, checks) = match found.take() {
                Some(held) if held.0 == *batch => found.insert(held),
                _ => found.insert((batch.clone(), Vec::new())),
            };
            if !checks.contains(&check) {
                checks.push(check);
                self.metrics.found(check);
            }
        }
    }

    fn findings(
        &self,
        order: &Manifest,
        record: &PageRecord,
        summary: &PageSummary,
        pages: &[PageRecord],
    ) -> Vec<Finding> {
        let known = self.state.summaries();
        let others = pages.iter().filter(|other| other.page != record.page).filter_map(|record| {
            let (batch, summary) = known.get(&record.page)?;
            (*batch == order.batch).then_some(Page { record, summary })
        });
        findings_of_page(order, &Page { record, summary }, &others.collect::<Vec<_>>(), &self.judge)
    }

    async fn summarise(&self, order: &Manifest, page: u32, body: Vec<u8>) -> (Arc<PageSummary>, Vec<u8>) {
        let currency = order.currencies(page).first().cloned().unwrap_or_default();
        blocking(&self.spool, move |_| {
            let summary = PageSummary::read(&body, &currency).unwrap_or_default();
            (Arc::new(summary), body)
        })
        .await
    }

    /// What is wrong with a batch that is about to be sealed with these `pages`, which is reported; and what is to be
    /// remembered of it once it is sealed, and no sooner: if the seal fails, it is judged again, by what was before it.
    pub(super) async fn judge_batch(
        &self,
        order: &Manifest,
        pages: &[PageRecord],
    ) -> (Option<Verdict>, Memory) {
        if let Subject::Market(kind) = Subject::of(order) {
            return self.judge_market(kind, order, pages).await;
        }
        let mut summaries = Vec::new();
        for record in pages {
            let known = self.state.summaries().remove(&record.page);
            let known = known.filter(|(batch, _)| *batch == order.batch).map(|(_, summary)| summary);
            summaries.push(match known {
                Some(summary) => summary,
                None => self.read_summary(order, record.page).await,
            });
        }
        self.state.summaries().clear();
        let pages: Vec<_> =
            pages.iter().zip(&summaries).map(|(record, summary)| Page { record, summary }).collect();
        let memory = self.memory().await;
        let judged = judge(order, &pages, &memory, &self.judge, self.settings.every);
        self.count(&order.batch, &judged.findings);
        let verdict = verdict(&judged.findings);
        if let Some(Verdict { doubt, why }) = &verdict {
            let reason = format!("snapshot {} is {doubt}: {why}", order.batch);
            if order.claim == ClaimState::ByHand {
                // Who waits for it is told at the end.
                debug!("{reason}");
            } else {
                warn!("{reason}");
            }
            self.incidents.report(&format!("batch_{doubt}"), &order.batch, &reason).await;
        }
        (verdict, judged.memory)
    }

    /// How many coins of `pages`, which are not judged yet, were on an earlier one of them already.
    pub(crate) async fn coins_again(&self, order: &Manifest, pages: &[PageRecord]) -> u32 {
        let mut summaries = Vec::new();
        for number in pages.iter().map(|page| page.page).filter(|number| order.is_in_first(*number)) {
            let known = self.state.summaries().get(&number).cloned();
            let known = known.filter(|(batch, _)| *batch == order.batch).map(|(_, summary)| summary);
            summaries.push(match known {
                Some(summary) => summary,
                None => self.read_summary(order, number).await,
            });
        }
        coins_again(summaries.iter().map(AsRef::as_ref))
    }

    /// The summary of a page in the spool. What cannot be read now is reported when it is published.
    pub(super) async fn read_summary(&self, order: &Manifest, number: u32) -> Arc<PageSummary> {
        let batch = order.batch.clone();
        let found = blocking(&self.spool, move |spool| spool.page_body(&batch, number)).await;
        let (mut bodies, _) = self.incidents.report_found(found).await;
        match bodies.pop().and_then(|body| decompress_body(&body).ok()) {
            Some(body) => self.summarise(order, number, body).await.0,
            None => Arc::default(),
        }
    }

    async fn memory(&self) -> Memory {
        if let Some(memory) = self.state.memory().clone() {
            return memory;
        }
        let found = blocking(&self.spool, Spool::judged).await;
        let read = found.map(|json| json.map(|json| Memory::from_json(&json)).unwrap_or_default());
        let memory = read.unwrap_or_else(|error| {
            warn!("cannot read what earlier snapshots were like: {}", telemetry::error_chain(&error));
            Memory::default()
        });
        self.state.memory().get_or_insert(memory).clone()
    }

    pub(super) async fn remember(&self, memory: Memory) {
        let json = memory.to_json();
        *self.state.memory() = Some(memory);
        if let Err(error) = blocking(&self.spool, move |spool| spool.put_judged(&json)).await {
            warn!("cannot keep what this snapshot was like: {}", telemetry::error_chain(&error));
        }
    }

    /// What is remembered, for the fetcher that leads next.
    pub(crate) async fn remembered(&self) -> Memory {
        self.memory().await
    }

    /// Learns what the fetcher that led before remembered, if that is newer.
    pub(crate) async fn learn(&self, memory: Memory) {
        if memory.is_newer_than(&self.memory().await) {
            self.remember(memory).await;
        }
    }
}

impl JudgeState {
    fn summaries(&self) -> MutexGuard<'_, BTreeMap<u32, (BatchId, Arc<PageSummary>)>> {
        self.summaries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> MutexGuard<'_, Option<Memory>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
