//! A way to the server that can be cut.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use url::Url;

/// Passes connections on to a server.
pub(crate) struct Proxy {
    pub url: Url,
    address: SocketAddr,
    server: String,
    faults: Arc<Faults>,
    open: Option<JoinSet<()>>,
}

/// What goes wrong.
#[derive(Default)]
struct Faults {
    /// The answer to the next COMMIT is lost, with its connection.
    lose_commit: AtomicBool,
    /// Nothing passes any more, in either direction, and nobody is told.
    mute: AtomicBool,
}

impl Proxy {
    /// A proxy to the server of `url`, with a URL of its own; `up` begins to listen.
    pub(crate) async fn to(url: &Url) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(3306));
        let mut url = url.clone();
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(address.port())).expect("a port");
        Self { url, address, server, faults: Arc::default(), open: None }
    }

    /// Listens, on the same port each time.
    pub(crate) fn up(&mut self) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("reuse");
        socket.bind(self.address).expect("the port again");
        let listener = socket.listen(64).expect("listens");
        let (server, faults) = (self.server.clone(), Arc::clone(&self.faults));
        let mut open = JoinSet::new();
        open.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(pass(client, server.clone(), Arc::clone(&faults)));
            }
        });
        self.open = Some(open);
    }

    /// Refuses connections, and cuts those that are open.
    pub(crate) async fn down(&mut self) {
        if let Some(mut open) = self.open.take() {
            open.shutdown().await;
        }
    }

    /// Loses the answer to the next COMMIT.
    pub(crate) fn lose_commit(&self) {
        self.faults.lose_commit.store(true, Ordering::SeqCst);
    }

    /// Lets nothing pass (`true`), or all again.
    pub(crate) fn mute(&self, mute: bool) {
        self.faults.mute.store(mute, Ordering::SeqCst);
    }
}

async fn pass(mut client: TcpStream, server: String, faults: Arc<Faults>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let (mut asked, mut answered) = (vec![0; 65536], vec![0; 65536]);
    let mut losing = false;
    loop {
        let passed = tokio::select! {
            Ok(length @ 1..) = client.read(&mut asked) => {
                let asked = &asked[..length];
                if asked.ends_with(b"COMMIT") && faults.lose_commit.swap(false, Ordering::SeqCst) {
                    losing = true;
                }
                if faults.mute.load(Ordering::SeqCst) { Ok(()) } else { server.write_all(asked).await }
            }
            Ok(length @ 1..) = server.read(&mut answered) => {
                if losing {
                    return;
                }
                let answered = &answered[..length];
                if faults.mute.load(Ordering::SeqCst) { Ok(()) } else { client.write_all(answered).await }
            }
            else => return,
        };
        if passed.is_err() {
            return;
        }
    }
}
