//! `coinpipe top`: the market and the pipeline in the terminal, live.

mod frame;
mod line;
mod screen;

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use ports::{Queue, StoreError};
use service::{Process, Stores};
use site::{Known, Overview, overview};

use crate::adapters;
use crate::{output, values};
use frame::Frame;
use line::{Line, Size};
use screen::{Event, Screen};

/// Coins that are read: more than a high terminal has lines.
const COINS: u32 = 100;

/// What is written where there is no terminal to fit.
const PLAIN: Size = Size { columns: 100, lines: 40 };

/// How long to wait unless something else is asked for.
const USUALLY: &str = "2s";

/// A look takes a while itself, and nobody reads faster.
const SHORTEST: Duration = Duration::from_millis(100);

#[derive(Args, Debug)]
pub(crate) struct TopArgs {
    /// Print how it is now, and end; as always where the output is no terminal
    #[arg(long)]
    once: bool,
    /// Time between two looks
    #[arg(long, value_name = "TIME", value_parser = pause, default_value = USUALLY)]
    every: Duration,
    /// Currency of the market; the first of fetch.convert unless something else is said
    #[arg(long, value_name = "CURRENCY")]
    currency: Option<String>,
}

fn pause(text: &str) -> Result<Duration, String> {
    let time = values::duration(text)?;
    if time < SHORTEST {
        return Err(format!("write {} or more", humantime::format_duration(SHORTEST)));
    }
    Ok(time)
}

pub(crate) async fn run(process: &Process, args: &TopArgs) -> anyhow::Result<()> {
    let found = process.unless_stopped(adapters::find(process)).await?;
    let Some(stores) = &found.stores else { bail!(adapters::nothing_at(&process.config().store.url)) };
    let queue = found.queues.as_ref().map(|queues| &*queues.queue);
    let currency = args.currency.clone().map(|currency| currency.to_uppercase());
    let first = || process.config().fetch.convert.first().cloned().unwrap_or_else(|| "USD".to_owned());
    let looking = Looking { process, stores, queue, currency: currency.unwrap_or_else(first) };
    let is_live = !args.once && std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if is_live { watch(&looking, args.every).await } else { print(&looking).await }
}

/// What is looked at.
struct Looking<'a> {
    process: &'a Process,
    stores: &'a Stores,
    queue: Option<&'a dyn Queue>,
    currency: String,
}

impl Looking<'_> {
    async fn look(&self) -> Result<Frame, StoreError> {
        let (config, clock) = (self.process.config(), &*self.process.clock);
        let all = overview(config, self.stores, self.queue, clock).await?;
        let coins = self.stores.quotes.top(&self.currency, COINS).await?;
        let is_simulated = self.stores.store.data_kinds().await?.simulated;
        Ok(Frame { all, coins, currency: self.currency.clone(), is_simulated, away: None })
    }

    /// What is shown of it; that the store is away, when it is.
    async fn frame(&self) -> Frame {
        match self.look().await {
            Ok(frame) => frame,
            Err(error) => {
                let config = self.process.config();
                let now = self.process.clock.now();
                let known = Known {
                    now,
                    tables: None,
                    queues: None,
                    waiting: None,
                    stale_after: config.alert.stale_after,
                    every: config.fetch.every,
                };
                let all = Overview { known, squares: Vec::new(), batches: Vec::new(), processes: Vec::new() };
                let away = Some(error.to_string());
                let currency = self.currency.clone();
                Frame { all, coins: Vec::new(), currency, is_simulated: false, away }
            }
        }
    }
}

async fn print(looking: &Looking<'_>) -> anyhow::Result<()> {
    let frame = looking.process.unless_stopped(async { Ok(looking.frame().await) }).await?;
    frame.lines(PLAIN).into_iter().try_for_each(|line| output::print(line.text()))?;
    match frame.away {
        Some(away) => bail!(away),
        None => Ok(()),
    }
}

/// Looks again and again until somebody quits.
async fn watch(looking: &Looking<'_>, every: Duration) -> anyhow::Result<()> {
    let mut screen = Screen::open()?;
    screen.draw(&[Line::plain("Looking …".to_owned())])?;
    let mut shown: Option<Frame> = None;
    loop {
        // A store that is away may take its time: somebody who quits does not wait for it.
        let looked = unless_quit(looking.process, &mut screen, shown.as_ref(), looking.frame()).await?;
        let Some(frame) = looked else { return Ok(()) };
        screen.draw(&frame.drawn(screen.size()))?;
        let frame = shown.insert(frame);
        let pause = looking.process.clock.sleep(every);
        if unless_quit(looking.process, &mut screen, Some(frame), pause).await?.is_none() {
            return Ok(());
        }
    }
}

/// Waits for `work`; `None` when somebody quits. What is `shown` is drawn anew for another size.
async fn unless_quit<T>(
    process: &Process,
    screen: &mut Screen,
    shown: Option<&Frame>,
    work: impl Future<Output = T>,
) -> anyhow::Result<Option<T>> {
    let stop = process.shutdown.soft();
    tokio::pin!(work);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            done = &mut work => return Ok(Some(done)),
            event = screen.event() => match event {
                Event::Quit => return Ok(None),
                Event::Resized => {
                    if let Some(frame) = shown {
                        screen.draw(&frame.drawn(screen.size()))?;
                    }
                }
            },
        }
    }
}
