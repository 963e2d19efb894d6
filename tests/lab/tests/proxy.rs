//! Every fault of the proxy, in front of a server that says everything twice.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use lab::{Proxy, Way, wait_until};

/// How long nothing must come to count as nothing.
const QUIET: Duration = Duration::from_millis(100);

/// A server that answers every byte with itself, twice.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client");
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(size) = stream.read(&mut bytes)
                    && size > 0
                {
                    let twice: Vec<u8> = bytes[..size].iter().flat_map(|&byte| [byte, byte]).collect();
                    if stream.write_all(&twice).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

fn proxy() -> Proxy {
    Proxy::start(("127.0.0.1", server())).expect("a proxy")
}

fn client(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", proxy.port())).expect("a connection");
    stream.set_read_timeout(Some(lab::DEADLINE)).expect("a timeout");
    stream
}

fn says(mut client: &TcpStream, text: &str) {
    client.write_all(text.as_bytes()).expect("it is sent");
}

fn hears(mut client: &TcpStream, text: &str) {
    let mut bytes = vec![0; text.len()];
    client.read_exact(&mut bytes).expect("an answer");
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

fn hears_nothing(mut client: &TcpStream) {
    client.set_read_timeout(Some(QUIET)).expect("a timeout");
    let heard = client.read(&mut [0]);
    assert!(heard.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "{heard:?}");
    client.set_read_timeout(Some(lab::DEADLINE)).expect("a timeout");
}

fn is_reset(mut client: &TcpStream) {
    let heard = client.read(&mut [0]);
    assert!(heard.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset), "{heard:?}");
}

#[test]
fn without_faults_bytes_pass_and_are_counted() {
    let proxy = proxy();
    let one = client(&proxy);
    says(&one, "abc");
    hears(&one, "aabbcc");
    assert_eq!((proxy.connections(), proxy.live()), (1, 1));
    assert_eq!((proxy.bytes(Way::ToServer), proxy.bytes(Way::ToClient), proxy.bytes(Way::Both)), (3, 6, 9));
    // The end of what was sent is passed on, and so is the server's.
    one.shutdown(std::net::Shutdown::Write).expect("an end");
    assert_eq!((&one).read(&mut [0]).expect("the end"), 0);
    wait_until("nobody is connected", || proxy.live() == 0);
}

#[test]
fn a_cut_resets_live_connections_and_lets_new_ones_in() {
    let proxy = proxy();
    let one = client(&proxy);
    says(&one, "a");
    hears(&one, "aa");
    // Also those in which nothing moves.
    proxy.stall(Way::Both);
    says(&one, "b");
    proxy.cut();
    is_reset(&one);
    assert_eq!(proxy.live(), 0);
    proxy.heal();
    let two = client(&proxy);
    says(&two, "c");
    hears(&two, "cc");
}

#[test]
fn a_refusing_proxy_is_a_closed_port() {
    let proxy = proxy();
    let one = client(&proxy);
    says(&one, "a");
    hears(&one, "aa");
    proxy.refuse();
    let refused = TcpStream::connect(("127.0.0.1", proxy.port()));
    assert!(refused.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused), "{refused:?}");
    says(&one, "b");
    hears(&one, "bb");
    proxy.down();
    is_reset(&one);
    proxy.heal();
    let two = client(&proxy);
    says(&two, "c");
    hears(&two, "cc");
}

#[test]
fn a_stalled_way_says_nothing_until_it_heals() {
    for way in [Way::ToServer, Way::ToClient, Way::Both] {
        let proxy = proxy();
        let one = client(&proxy);
        says(&one, "a");
        hears(&one, "aa");
        proxy.stall(way);
        says(&one, "bc");
        hears_nothing(&one);
        let two = client(&proxy);
        says(&two, "d");
        hears_nothing(&two);
        proxy.heal();
        hears(&one, "bbcc");
        hears(&two, "dd");
    }
}

#[test]
fn lost_answers_were_answers_to_requests_that_arrived() {
    let proxy = proxy();
    let one = client(&proxy);
    proxy.discard(Way::ToClient);
    says(&one, "lost");
    hears_nothing(&one);
    assert_eq!((proxy.bytes(Way::ToServer), proxy.bytes(Way::ToClient)), (4, 0));
    proxy.heal();
    says(&one, "a");
    hears(&one, "aa");
}

#[test]
fn a_limit_cuts_once_in_the_middle_of_an_answer() {
    let proxy = proxy();
    let one = client(&proxy);
    let bystander = client(&proxy);
    says(&bystander, "x");
    hears(&bystander, "xx");
    proxy.cut_after(Way::ToClient, 3);
    says(&one, "abc");
    hears(&one, "aab");
    is_reset(&one);
    is_reset(&bystander);
    assert_eq!(proxy.cuts(), 1);
    assert_eq!((proxy.bytes(Way::ToServer), proxy.bytes(Way::ToClient)), (4, 5));
    let two = client(&proxy);
    says(&two, "d");
    hears(&two, "dd");
    // The request arrives, its answer does not.
    proxy.cut_after(Way::ToClient, 0);
    says(&two, "commit");
    is_reset(&two);
    assert_eq!((proxy.bytes(Way::ToServer), proxy.cuts()), (11, 2));
}

#[test]
fn slices_and_latency_change_nothing_but_the_time() {
    let proxy = proxy();
    proxy.slice(Way::Both, 1);
    proxy.delay(Way::Both, Duration::from_millis(5));
    let one = client(&proxy);
    let text = "0123456789".repeat(20);
    says(&one, &text);
    let twice: String = text.chars().flat_map(|letter| [letter, letter]).collect();
    hears(&one, &twice);
    // A latency that nobody waits for: it ends with the fault.
    proxy.delay(Way::Both, lab::DEADLINE * 10);
    says(&one, "a");
    wait_until("it arrived", || proxy.bytes(Way::ToServer) == 200);
    proxy.heal();
    hears(&one, "aa");
}

#[test]
fn a_server_that_is_down_resets_its_clients() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let proxy = Proxy::start(gone).expect("a proxy");
    is_reset(&client(&proxy));
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn a_dropped_proxy_leaves_nothing() {
    let proxy = proxy();
    let port = proxy.port();
    let one = client(&proxy);
    says(&one, "a");
    hears(&one, "aa");
    proxy.stall(Way::Both);
    drop(proxy);
    is_reset(&one);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn urls_lead_through_the_proxy() {
    let proxy = Proxy::before(&format!("amqp://u:p@127.0.0.1:{}/%2f", server())).expect("a proxy");
    let port = proxy.port();
    assert_eq!(proxy.url_for("amqp://u:p@h:1/%2f?a=b"), format!("amqp://u:p@127.0.0.1:{port}/%2f?a=b"));
    let one = client(&proxy);
    says(&one, "a");
    hears(&one, "aa");
}
