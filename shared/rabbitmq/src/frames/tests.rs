//! The check against lapin's own parser: lapin parses what passes, and what lapin parses passes unchanged.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use domain::header;
use futures_io::AsyncRead;
use lapin::protocol::basic::{AMQPProperties, parse_properties};
use lapin::protocol::parse_class;
use lapin::types::AMQPValue;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::field::DEEPEST;
use super::reader::CheckedReader;
use super::*;

/// The size of frames that these connections agreed upon.
const MOST: usize = 16 * 1024;

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    [&[kind, 0, 1], &length.to_be_bytes()[..], payload, &[END]].concat()
}

fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text].concat()
}

fn long(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind], &u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn field(name: &[u8], value: &[u8]) -> Vec<u8> {
    [short(name).as_slice(), value].concat()
}

/// A content header whose body has one byte: flags, and the properties' bytes.
fn content(flags: u16, properties: &[u8]) -> Vec<u8> {
    [&[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], &flags.to_be_bytes()[..], properties].concat()
}

/// One with headers only.
fn with_headers(fields: &[u8]) -> Vec<u8> {
    content(0x2000, &long(b'F', fields)[1..])
}

/// Tables in each other, as a value; the innermost is empty.
fn nested(levels: usize) -> Vec<u8> {
    (1..levels).fold(long(b'F', &[]), |inner, _| long(b'F', &field(b"a", &inner)))
}

/// A server that sent this, in pieces of this size, and closed the connection.
struct Said<'a> {
    bytes: &'a [u8],
    piece: usize,
}

impl AsyncRead for Said<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        let count = self.piece.min(buffer.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.bytes = later;
        Poll::Ready(Ok(count))
    }
}

/// What lapin reads of `bytes` until they end or are refused, when they arrive and are read in pieces of these sizes.
fn read(bytes: &[u8], piece: usize, asked: usize) -> (Vec<u8>, Option<String>, Option<Version>) {
    let (mut said, mut checked) = (Said { bytes, piece }, CheckedReader::new());
    let mut context = Context::from_waker(Waker::noop());
    let (mut all, mut buffer) = (Vec::new(), vec![0; asked]);
    loop {
        match checked.poll_read(&mut said, &mut context, &mut buffer, MOST) {
            Poll::Ready(Ok(0)) => return (all, None, checked.version()),
            Poll::Ready(Ok(count)) => all.extend_from_slice(&buffer[..count]),
            Poll::Ready(Err(error)) => return (all, Some(error.to_string()), checked.version()),
            Poll::Pending => unreachable!("it has closed"),
        }
    }
}

fn passes(bytes: &[u8]) {
    let (read, error, _) = read(bytes, usize::MAX, MOST);
    assert_eq!((read, error), (bytes.to_vec(), None));
}

fn refused(bytes: &[u8], part: &str) {
    let (_, error, _) = read(bytes, usize::MAX, MOST);
    let error = error.unwrap_or_else(|| panic!("{bytes:?} is not refused"));
    assert!(error.contains(part), "{error}");
}

/// The payload of the content header that replaces this one.
fn rewritten(payload: &[u8]) -> Vec<u8> {
    let (read, error, _) = read(&frame(HEADER, payload), usize::MAX, MOST);
    assert_eq!(error, None, "{payload:?}");
    assert!(read.len() <= MOST, "{} bytes", read.len());
    let payload = read[HEAD_BYTES..read.len() - 1].to_vec();
    assert_eq!(frame(HEADER, &payload), read);
    payload
}

/// What lapin makes of the properties in a content header.
fn parsed(payload: &[u8]) -> Option<AMQPProperties> {
    let (rest, properties) = parse_properties(payload.get(FIXED_BYTES..)?).ok()?;
    rest.is_empty().then_some(properties)
}

const FIXED_BYTES: usize = 12;

fn note(properties: &AMQPProperties) -> String {
    let headers = properties.headers().as_ref().expect("no headers");
    match headers.inner().get(header::UNREADABLE) {
        Some(AMQPValue::LongString(text)) => String::from_utf8(text.as_bytes().to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn names(properties: &AMQPProperties) -> Vec<String> {
    properties.headers().as_ref().unwrap().inner().keys().map(ToString::to_string).collect()
}

const GREETING: &[u8] =
    b"\0\x0a\0\x0a\0\x09\0\0\0\x12\x07versionS\0\0\0\x053.9.1\0\0\0\x05PLAIN\0\0\0\x05en_US";
const DELIVER: &[u8] = b"\0\x3c\0\x3c\x03tag\0\0\0\0\0\0\0\x01\0\x03raw\x05raw.x";

/// A greeting, a delivery with a bad header, one with a good one, a heartbeat.
fn conversation() -> Vec<u8> {
    let body = [7; 9 * 1024];
    [
        frame(METHOD, GREETING),
        frame(METHOD, DELIVER),
        frame(HEADER, &with_headers(&field(b"deep", &nested(DEEPEST + 1)))),
        frame(BODY, &body),
        frame(HEARTBEAT, &[]),
        frame(METHOD, DELIVER),
        frame(HEADER, &with_headers(&field(b"deep", &nested(DEEPEST)))),
        frame(BODY, &body[..10]),
        frame(BODY, &[]),
    ]
    .concat()
}

#[test]
fn the_sizes_of_reads_do_not_matter() {
    let said = conversation();
    let (whole, error, version) = read(&said, usize::MAX, 1 << 24);
    assert_eq!((error, version), (None, Some(Version { major: 3, minor: 9 })));
    assert!(whole.ends_with(&said[said.len() - 100..]) && whole.len() != said.len());
    for piece in [1, 2, 3, 7, 8, 64, 1000, 8192, 8193, said.len()] {
        for asked in [1, 5, 100, 8192, MOST, 100_000] {
            let (read, error, _) = read(&said, piece, asked);
            assert!(read == whole && error.is_none(), "pieces of {piece}, asked for {asked}: {error:?}");
        }
    }
}

#[test]
fn what_is_no_frame_ends_the_connection_and_says_so() {
    let check = refused;
    check(b"HTTP/1.1 400 Bad Request\r\n\r\n", "unknown type 72");
    check(&[0, 0, 0, 0, 0, 0, 0, END], "unknown type 0");
    check(&[METHOD, 0, 0, 0x7f, 0xff, 0xff, 0xff], "2147483647 bytes");
    check(&[HEADER, 0, 0, 0xff, 0xff, 0xff, 0xff], "4294967295 bytes");
    check(&[BODY, 0, 1, 0, 0x7f, 0xff, 0xff], "type 3");
    check(&[BODY, 0, 1, 0, 0, 0, 1, 1, 1], "does not end");
    check(&[HEARTBEAT, 0, 0, 0, 0, 0, 0, 0], "does not end");
    check(&[METHOD, 0, 0, 0, 0, 0, 0, 0], "does not end");
    check(&frame(METHOD, &[]), "without its number");
    check(&frame(METHOD, &[0, 50, 0, 10]), "(50, 10)");
    check(&frame(METHOD, &DELIVER[..20]), "does not hold");
    check(&frame(METHOD, &[DELIVER, &[0]].concat()), "does not hold");
    check(&frame(HEADER, &[0; 13]), "content header");
    let mut greeting = GREETING.to_vec();
    greeting[6 + 4 + 8] = b'?';
    check(&frame(METHOD, &greeting), "unknown type 0x3f");
    passes(b"AMQP\0\0\x09\x01");
    passes(&frame(BODY, &vec![0; MOST - AROUND_BYTES]));
    passes(&frame(METHOD, GREETING));
}

/// Every method that the check lets through is one that lapin parses, to its end.
#[test]
fn methods_are_lapin_s() {
    let mut known = 0;
    for (class, method) in (0..=100).flat_map(|class| (0..=130).map(move |method| (class, method))) {
        let number = [0, class, 0, method];
        // No arguments have more bytes than these, all zero.
        let Some(length) = (4..=40).find(|length| {
            let mut payload = [0; 40];
            payload[..4].copy_from_slice(&number);
            method::repair(&mut payload[..*length]).is_ok()
        }) else {
            continue;
        };
        let payload = [&number[..], &vec![0; length - 4]].concat();
        let parsed = parse_class(payload.as_slice());
        assert!(parsed.is_ok_and(|(rest, _)| rest.is_empty()), "({class}, {method}) of {length} bytes");
        known += 1;
    }
    assert_eq!(known, 39);
}

#[test]
fn a_routing_key_that_is_no_text_is_repaired_in_place() {
    let odd = b"\0\x3c\0\x3c\x03tag\0\0\0\0\0\0\0\x01\0\x03r\xffw\x05\xc3\xbc\xfe.x";
    let (read, error, _) = read(&frame(METHOD, odd), 3, 5);
    let repaired = b"\0\x3c\0\x3c\x03tag\0\0\0\0\0\0\0\x01\0\x03r?w\x05\xc3\xbc?.x";
    assert_eq!((read, error), (frame(METHOD, repaired), None));
}

/// F1: the depth that lapin's parser is asked to follow has a bound.
#[test]
fn tables_in_tables_are_not_followed_for_ever() {
    let page = field(header::PAGE.as_bytes(), &long(b'S', b"1"));
    let death = field(b"x-death", &long(b'A', &long(b'F', &field(b"queue", &long(b'S', b"coinpipe.raw")))));
    passes(&frame(HEADER, &with_headers(&field(b"deep", &nested(DEEPEST)))));
    for levels in [DEEPEST + 1, 200, 2000] {
        let deep = nested(levels);
        let read =
            parsed(&rewritten(&with_headers(&[&*page, &field(b"deep", &deep), &death].concat()))).unwrap();
        assert_eq!(names(&read), ["x-death", header::PAGE, header::UNREADABLE], "{levels} levels");
        assert!(note(&read).starts_with("deep (tables more than 16 levels deep): F"), "{}", note(&read));
    }
    // In arrays, too; and as the last of many.
    let arrays = (0..500).fold(long(b'A', &[]), |inner, _| long(b'A', &inner));
    let read = parsed(&rewritten(&with_headers(&[page, field(b"deep", &arrays)].concat()))).unwrap();
    assert_eq!(names(&read), [header::PAGE, header::UNREADABLE]);
}

/// F2: texts may be any bytes.
#[test]
fn what_is_no_text_is_left_out_and_shown() {
    let odd = short(b"\xff\xfe\x80");
    for index in [0, 1, 5, 6, 7, 8, 10, 11, 12, 13] {
        let read = parsed(&rewritten(&content(0x8000 >> index, &odd))).unwrap();
        assert!(note(&read).ends_with(": \\xff\\xfe\\x80\n"), "{}", note(&read));
        let id = (index == 8).then(|| "unreadable-id/\\xff\\xfe\\x80".to_owned());
        assert_eq!(read.message_id().as_ref().map(ToString::to_string), id);
    }
    // Different ids stay different, also one that contains what another is shown as.
    let ids = [
        b"\xff\xfe\x80".as_slice(),
        b"\\xff\xfe\x80",
        b"\xff\\xfe\x80",
        b"\\\xff\xfe\x80",
        b"\n\xff",
        b"\\n\xff",
    ];
    let shown = ids.map(|id| parsed(&rewritten(&content(0x0080, &short(id)))).unwrap().message_id().clone());
    let different: std::collections::BTreeSet<_> = shown.iter().map(|id| format!("{id:?}")).collect();
    assert_eq!(different.len(), ids.len(), "{different:?}");
    // The longest ones, too.
    let id = |last: u8| {
        let long = short(&[[0xff; 254].as_slice(), &[last]].concat());
        parsed(&rewritten(&content(0x0080, &long))).unwrap().message_id().as_ref().unwrap().to_string()
    };
    assert!(id(1).len() <= 255 && id(1) != id(2) && id(1) == id(1));
    let name = field(b"\xffname", &long(b'S', b"value"));
    let read = parsed(&rewritten(&with_headers(&[&*name, &field(b"x", b"V")].concat()))).unwrap();
    assert_eq!(names(&read), ["x", header::UNREADABLE]);
    assert_eq!(note(&read), "\\xffname (a name that is not UTF-8): S\\u{0}\\u{0}\\u{0}\\u{5}value\n");
    // It is found deep inside, too.
    let inner = field(b"outer", &long(b'A', &long(b'F', &field(b"\xff", b"V"))));
    assert_eq!(names(&parsed(&rewritten(&with_headers(&inner))).unwrap()), [header::UNREADABLE]);
}

#[test]
fn lengths_that_lie_and_unknown_types_are_left_out() {
    let good = field(b"good", b"t\x01");
    let check = |rest: &[u8], part: &str| {
        let read = parsed(&rewritten(&with_headers(&[&*good, rest].concat()))).unwrap();
        assert_eq!(names(&read), ["good", header::UNREADABLE], "{rest:?}");
        assert!(note(&read).contains(part), "{}", note(&read));
    };
    check(b"\xffx", "cut off");
    check(b"\x01a", "a (cut off)");
    check(b"\x01aS\0\0\0\x09x", "a (cut off)");
    check(b"\x01aF\xff\xff\xff\xffx", "a (cut off)");
    check(b"\x01aF\0\0\0\x02\x01b", "a (cut off)");
    check(b"\x01aA\0\0\0\x02\x01b", "a (of the unknown type 0x01)");
    check(b"\x01a?x", "a (of the unknown type 0x3f)");
    check(b"\x01aI\0\0", "a (cut off)");
    // A property that is cut off, and bytes behind the last.
    let read = parsed(&rewritten(&content(0x8080, &[short(b"text/plain"), vec![9, b'i']].concat()))).unwrap();
    assert_eq!(read.content_type().as_ref().map(ToString::to_string).as_deref(), Some("text/plain"));
    assert_eq!(note(&read), "message-id: \\ti\n");
    assert_eq!(note(&parsed(&rewritten(&content(0x0080, b""))).unwrap()), "message-id: \n");
    assert!(note(&parsed(&rewritten(&content(0, b"xyz"))).unwrap()).contains("xyz"));
}

/// The broker sends a header in one frame, whatever was agreed upon.
#[test]
fn a_header_that_is_too_large_keeps_what_fits() {
    let large = field(b"a-large", &long(b'S', &[b'x'; MOST]));
    let small = field(b"small", &long(b'S', b"1"));
    let count = field(b"x-delivery-count", &[b'l', 0, 0, 0, 0, 0, 0, 0, 3]);
    let payload = with_headers(&[&*large, &small, &count].concat());
    let read = parsed(&rewritten(&payload)).unwrap();
    assert_eq!(names(&read), ["small", "x-delivery-count", header::UNREADABLE]);
    assert!(note(&read).starts_with("a-large (too large to be delivered): S"), "{}", note(&read));
    // Many small ones, and the broker's own behind them.
    let many: Vec<u8> = (0..10_000).flat_map(|n: u32| field(format!("{n}").as_bytes(), b"V")).collect();
    let read = parsed(&rewritten(&with_headers(&[many, count].concat()))).unwrap();
    assert!(names(&read).contains(&"x-delivery-count".to_owned()) && names(&read).len() > 100);
    assert!(note(&read).len() <= 4096);
}

prop_compose! {
    /// Bytes that look like something.
    fn bytes()(parts in vec(
        prop_oneof![
            vec(any::<u8>(), 0..6),
            select(b"VtbBsUuIifDLldTSxFA?".as_slice()).prop_map(|kind| vec![1, b'a', kind, 0, 0, 0]),
            (0..40_u8).prop_map(|length| vec![length]),
            (0..40_u8).prop_map(|length| vec![b'F', 0, 0, 0, length]),
            Just(b"\x05hello".to_vec()),
        ],
        0..12,
    )) -> Vec<u8> {
        parts.concat()
    }
}

fn table() -> impl Strategy<Value = Vec<u8>> {
    bytes().prop_map(|fields| long(b'F', &fields)[1..].to_vec())
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(said in prop_oneof![vec(any::<u8>(), 0..200), bytes()], piece in 1..50_usize) {
        let (whole, error, _) = read(&said, usize::MAX, MOST);
        let (pieces, again, _) = read(&said, piece, 10);
        prop_assert_eq!(&error, &again);
        prop_assert!(error.is_some() || whole == pieces);
        let _ = rewritten(&[&[0; 12], said.as_slice(), &[0, 0]].concat());
    }

    /// What lapin parses and is not too deep passes unchanged; everything else is rewritten so that lapin parses it.
    #[test]
    fn the_check_and_lapin_s_parser_agree(
        flags in any::<u16>(),
        before in vec(prop_oneof![Just(short(b"text")), Just(short(b"\xff")), bytes()], 0..3),
        headers in prop_oneof![table(), bytes()],
        behind in bytes(),
    ) {
        let payload = content(flags, &[before.concat(), headers, behind].concat());
        let read = rewritten(&payload);
        let as_it_is = parsed(&payload);
        prop_assert_eq!(as_it_is.is_some(), read == payload, "{:?}", as_it_is);
        let read = parsed(&read);
        prop_assert!(read.is_some());
        // The body's length and the rest of what is readable arrive.
        if as_it_is.is_none() {
            prop_assert!(!note(&read.unwrap()).is_empty());
        }
    }
}
