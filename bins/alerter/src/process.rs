//! The alerter in a process: the desk on the loop; the search for incomplete batches, the conditions, and the mailer beside it.

use std::sync::Arc;

use anyhow::Context;
use service::{Process, Queues, Stores};
use tokio_util::sync::CancellationToken;

use crate::passed::Passed;
use crate::store_away::StoreAway;
use crate::transport::{Transport, transport_from};
use crate::{Conditions, Desk, IncompleteBatches, Mailer};

/// Runs the alerter until asked to stop. The mailer stops last, after the desk has filed the letters in flight.
pub async fn run(process: &Process, queues: &Queues, stores: &Stores) -> anyhow::Result<()> {
    let mailer = mailer(process, stores)?;
    let away = store_away(process, stores)?;
    let desk = Desk::new(Arc::clone(&stores.letters), Arc::clone(&process.clock), &process.metrics);
    let desk = process.run_stage(Arc::new(desk), queues);
    let incomplete = IncompleteBatches::new(
        Arc::clone(&stores.ledger),
        Arc::clone(&stores.letters),
        Arc::clone(&process.clock),
        process.config().alert.incomplete_after,
    );
    let conditions = Conditions::new(process.config(), &queues.queue, stores, Arc::clone(&process.clock));
    let stop = CancellationToken::new();
    let desk = async {
        let result = desk.await;
        stop.cancel();
        result
    };
    let mailing = async {
        if let Some((mailer, away)) = mailer.zip(away) {
            tokio::join!(mailer.run(stop.clone()), away.run(stop.clone()));
        }
    };
    let (result, (), (), ()) =
        tokio::join!(desk, incomplete.run(stop.clone()), conditions.run(stop.clone()), mailing);
    result
}

/// Closes what is settled, posts a mail about what was filed and not mailed yet, and tries to send it once; for a run that ends
/// now.
pub async fn flush(process: &Process, stores: &Stores) -> anyhow::Result<()> {
    let passed = Passed::new(stores, Arc::clone(&process.clock));
    passed.look().await.context("the desk cannot be used")?;
    match mailer(process, stores)? {
        Some(mailer) => mailer.flush().await.context("the outbox cannot be used"),
        None => Ok(()),
    }
}

/// Whether mails could be sent now, as one line for people.
pub async fn check(process: &Process) -> anyhow::Result<String> {
    match transport_from(&process.config().mail)? {
        Some(transport) => Ok(transport.check().await?),
        None => Ok("not configured: dead letters are filed and logged, nothing is mailed".to_owned()),
    }
}

/// Checks `[mail]`; called before anything outside is touched.
pub fn check_settings(process: &Process) -> anyhow::Result<()> {
    transport(process).map(drop)
}

fn mailer(process: &Process, stores: &Stores) -> anyhow::Result<Option<Mailer>> {
    let settings = &process.config().mail;
    Ok(transport(process)?.map(|transport| {
        Mailer::new(settings.clone(), Arc::clone(&stores.outbox), transport, Arc::clone(&process.clock))
    }))
}

fn store_away(process: &Process, stores: &Stores) -> anyhow::Result<Option<StoreAway>> {
    let place = service::place(&process.config().store.url);
    Ok(transport(process)?.map(|transport| {
        StoreAway::new(Arc::clone(&stores.letters), transport, Arc::clone(&process.clock), place)
    }))
}

fn transport(process: &Process) -> anyhow::Result<Option<Arc<dyn Transport>>> {
    Ok(transport_from(&process.config().mail).map_err(|error| service::Usage(error.to_string()))?)
}
