//! A publisher that writes its own frames: it can send what no library sends.

use lapin::uri::AMQPUri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Options;

/// A message as its bytes on the wire.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire {
    /// The flags of its properties, and the properties.
    pub(super) flags: u16,
    pub(super) properties: Vec<u8>,
    pub(super) body: Vec<u8>,
}

impl Wire {
    /// A message with one text property, `index` places below the highest flag.
    pub(super) fn with_text(index: u32, text: &[u8]) -> Self {
        Self { flags: 0x8000 >> index, properties: short(text), body: b"odd".to_vec() }
    }

    /// A message with headers, whose fields are these bytes, and an id.
    pub(super) fn with_headers(id: &str, fields: &[u8]) -> Self {
        let properties = [&long(fields), short(id.as_bytes()).as_slice()].concat();
        Self { flags: 0x2080, properties, body: b"odd".to_vec() }
    }
}

pub(super) fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text].concat()
}

pub(super) fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// A header with a text.
pub(super) fn header(name: &[u8], text: &[u8]) -> Vec<u8> {
    [short(name), b"S".to_vec(), long(text)].concat()
}

/// A header that is a table with a table in it, and so on.
pub(super) fn deep(levels: usize) -> Vec<u8> {
    let table = |inner: Vec<u8>| [b"\x01aF".to_vec(), long(&inner)].concat();
    (0..levels).fold(Vec::new(), |inner, _| table(inner))
}

/// A connection with one channel, which confirms.
pub(super) struct Publisher {
    stream: TcpStream,
    confirmed: u64,
}

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;

impl Publisher {
    pub(super) async fn connect(options: &Options) -> Self {
        let AMQPUri { authority, vhost, .. } = &options.uri;
        let stream = TcpStream::connect((authority.host.as_str(), authority.port)).await.unwrap();
        let mut publisher = Self { stream, confirmed: 0 };
        publisher.stream.write_all(b"AMQP\0\0\x09\x01").await.unwrap();
        publisher.expect(10, 10).await;
        let login = format!("\0{}\0{}", authority.userinfo.username, authority.userinfo.password);
        let start_ok = [long(&[]), short(b"PLAIN"), long(login.as_bytes()), short(b"en_US")].concat();
        publisher.call(0, 10, 11, &start_ok).await;
        let tune = publisher.expect(10, 30).await;
        publisher.call(0, 10, 31, &[&tune[..6], &[0, 0]].concat()).await;
        publisher.call(0, 10, 40, &[short(vhost.as_bytes()), vec![0, 0]].concat()).await;
        publisher.expect(10, 41).await;
        publisher.call(1, 20, 10, &[0]).await;
        publisher.expect(20, 11).await;
        publisher.call(1, 85, 10, &[0]).await;
        publisher.expect(85, 11).await;
        publisher
    }

    /// Publishes `message` and waits until it is confirmed.
    pub(super) async fn publish(&mut self, exchange: &[u8], key: &[u8], message: &Wire) {
        self.send_message(exchange, key, message).await;
        self.expect(60, 80).await;
        self.confirmed += 1;
    }

    /// Publishes `message`, and says whether it was confirmed. If not, the broker may have closed the connection.
    pub(super) async fn offer(mut self, exchange: &[u8], key: &[u8], message: &Wire) -> bool {
        self.send_message(exchange, key, message).await;
        let (_, payload) = self.next().await;
        payload.starts_with(&[0, 60, 0, 80])
    }

    async fn send_message(&mut self, exchange: &[u8], key: &[u8], message: &Wire) {
        let Wire { flags, properties, body } = message;
        self.call(1, 60, 40, &[&[0, 0], &*short(exchange), &short(key), &[0]].concat()).await;
        let size = (body.len() as u64).to_be_bytes();
        let header = [&[0, 60, 0, 0], &size[..], &flags.to_be_bytes(), properties].concat();
        self.send(HEADER, 1, &header).await;
        if !body.is_empty() {
            self.send(BODY, 1, body).await;
        }
    }

    async fn call(&mut self, channel: u16, class: u16, method: u16, arguments: &[u8]) {
        let payload = [&class.to_be_bytes(), &method.to_be_bytes(), arguments].concat();
        self.send(METHOD, channel, &payload).await;
    }

    async fn send(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        let frame = [&[kind], &channel.to_be_bytes()[..], &long(payload), &[0xce]].concat();
        self.stream.write_all(&frame).await.unwrap();
    }

    /// The arguments of the method that comes next, which has to be this one.
    async fn expect(&mut self, class: u16, method: u16) -> Vec<u8> {
        let (kind, mut payload) = self.next().await;
        let wanted = [class.to_be_bytes(), method.to_be_bytes()].concat();
        let said = String::from_utf8_lossy(&payload);
        assert!(kind == METHOD && payload.starts_with(&wanted), "after {} messages: {said}", self.confirmed);
        payload.split_off(4)
    }

    /// The next frame: its kind and its payload.
    async fn next(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 7];
        self.stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes(head[3..].try_into().unwrap()) as usize;
        let mut payload = vec![0; length + 1];
        self.stream.read_exact(&mut payload).await.unwrap();
        payload.truncate(length);
        (head[0], payload)
    }
}
