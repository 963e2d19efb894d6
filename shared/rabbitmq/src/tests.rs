//! RabbitMQ keeps the contract; and what only a broker can do. Needs one: `COINPIPE_TEST_AMQP_URL`.

mod archive;
mod faults;
mod hostile;
mod leader;
mod letters;
mod limits;
mod misconfigured;
mod node;
mod observing;
mod tls;
mod unarchived;
mod wire;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use lapin::Channel;
use lapin::options::{ConfirmSelectOptions, ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::types::ShortString;
use ports::{Archive, Clock, Consumer, Delivery, Leadership, Queue, QueueError, SystemClock};
use testkit::contract::leader::LeaderLab;
use testkit::contract::queue::QueueLab;

use crate::client::Client;
use crate::session::Session;
use crate::topology::{Names, exchanges, queues};
use crate::version::Version;
use crate::{Options, RabbitQueue};

/// Topology of its own on the broker, deleted at the end.
pub(crate) struct Lab {
    options: Options,
    /// Those that crashed, and last the one that runs now.
    processes: Mutex<Vec<Arc<RabbitQueue>>>,
}

impl Lab {
    pub(crate) fn new(options: Options) -> Self {
        let lab = Self { options, processes: Mutex::default() };
        lab.start();
        lab
    }

    /// Options for a lab at `url`: short delays, a random prefix.
    pub(crate) fn options(url: &str) -> Options {
        let mut options = Options::from_url(url).unwrap();
        options.prefix = format!("test-{:016x}", fastrand::u64(..));
        options.connection_name = options.prefix.clone();
        options.delivery_limit = 3;
        options.retry_delays = vec![RETRY_DELAY, Duration::from_mins(1)];
        options.archive_pause = Duration::from_millis(200);
        options
    }

    fn start(&self) {
        let queue = RabbitQueue::new(self.options.clone(), Arc::new(SystemClock)).unwrap();
        self.processes.lock().unwrap().push(Arc::new(queue));
    }

    pub(crate) fn process(&self) -> Arc<RabbitQueue> {
        Arc::clone(self.processes.lock().unwrap().last().unwrap())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let options = Arc::new(self.options.clone());
        let clean = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(remove(options));
        });
        clean.join().unwrap();
    }
}

/// Deletes the topology of these options.
pub(crate) async fn remove(options: Arc<Options>) {
    let Ok(session) = Session::open(&options, "cleaning").await else { return };
    let names = Names::new(&options).unwrap();
    let channel = session.channel().await.unwrap();
    for queue in queues(&names, &options, Version { major: 3, minor: 10 }) {
        drop(channel.queue_delete(queue.name.into(), QueueDeleteOptions::default()).await);
    }
    for exchange in exchanges(&names) {
        drop(channel.exchange_delete(exchange.name.into(), ExchangeDeleteOptions::default()).await);
    }
}

/// What only tests ask of a process.
impl RabbitQueue {
    /// Connects and declares everything, when that is not done.
    pub(crate) async fn connect(&self) -> Result<(), QueueError> {
        self.client().publishing.session().await?;
        self.client().consuming.session().await?;
        Ok(())
    }

    /// Whether every connection that it opened for work is up, there is one, and the broker takes messages.
    pub(crate) fn is_connected(&self) -> bool {
        let Client { publishing, consuming, leading, .. } = &**self.client();
        let connections = [&**publishing, consuming, leading];
        let mut alive = connections.iter().filter_map(|connection| connection.alive()).peekable();
        alive.peek().is_some()
            && alive.all(|session| !session.is_blocked())
            && !connections.iter().any(|connection| connection.is_broken())
    }

    /// Breaks its connections.
    pub(crate) fn cut(&self) {
        let Client { publishing, consuming, leading, observing, .. } = &**self.client();
        let archiving = self.raw().writer().connection();
        for connection in [publishing, consuming, leading, observing, archiving] {
            if let Some(session) = connection.alive() {
                session.abort();
            }
        }
    }
}

impl LeaderLab for Lab {
    fn leadership(&self) -> Arc<dyn Leadership> {
        self.process()
    }
}

const RETRY_DELAY: Duration = Duration::from_secs(2);

#[async_trait]
impl QueueLab for Lab {
    fn queue(&self) -> Arc<dyn Queue> {
        self.process()
    }

    fn archive(&self) -> Arc<dyn Archive> {
        self.process()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    async fn pass(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Its connections break, as after a missed heartbeat, and it has not noticed yet.
    async fn crash(&self) {
        self.process().cut();
        self.start();
    }

    fn lease(&self) -> Duration {
        Duration::from_millis(300)
    }

    fn delivery_limit(&self) -> u32 {
        self.options.delivery_limit
    }

    fn retry_delay(&self) -> Duration {
        RETRY_DELAY
    }
}

/// A lab on the broker that tests share; `None`, with a message, where there is none.
pub(crate) async fn lab() -> Option<Lab> {
    options().map(Lab::new)
}

/// Options for a lab on the broker that tests share.
pub(crate) fn options() -> Option<Options> {
    lab::amqp_url_or_skip().map(|url| Lab::options(&url))
}

/// How long anything may take; only a failing test waits for so long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// The next delivery.
pub(crate) async fn next(consumer: &mut Box<dyn Consumer>) -> Delivery {
    tokio::time::timeout(DEADLINE, consumer.next()).await.expect("nothing was delivered").unwrap()
}

/// Asks until the answer is `Some`, with a deadline.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        loop {
            look.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(DEADLINE, asking).await;
    answer.unwrap_or_else(|_| panic!("waited in vain until {what}"))
}

impl Lab {
    /// A connection of the test itself.
    pub(crate) async fn beside(&self) -> (Session, Channel) {
        let session = Session::open(&Arc::new(self.options.clone()), "beside").await.unwrap();
        let channel = session.channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        (session, channel)
    }

    /// The full name of a queue or exchange.
    pub(crate) fn name(&self, name: &str) -> ShortString {
        format!("{}.{name}", self.options.prefix).into()
    }
}

testkit::queue_contract!(lab);
testkit::leader_contract!(lab);
