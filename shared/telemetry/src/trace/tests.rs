use domain::MessageId;
use opentelemetry::trace::SpanKind;
use testkit::spans::{Collected, PARENT, TRACE, traced};

use super::*;

fn message(headers: Headers) -> Message {
    Message { id: MessageId::new("m"), headers, body: b"body"[..].into() }
}

#[test]
fn a_message_carries_its_trace_on_through_a_stage() {
    let (collected, _guard) = Collected::start();
    let span = handling(QueueName::Raw, &message(traced()));
    let mut output = Headers::new();
    pass_on(&span, &traced(), &mut output);
    drop(span);
    let spans = collected.spans();
    let [handled] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((handled.name.as_ref(), &handled.span_kind), ("process raw", &SpanKind::Consumer));
    assert_eq!(handled.span_context.trace_id().to_string(), TRACE);
    assert_eq!(handled.parent_span_id.to_string(), PARENT);
    let expected = format!("00-{TRACE}-{}-01", handled.span_context.span_id());
    assert_eq!(output.get(header::TRACEPARENT), Some(expected.as_str()));
    assert_eq!(output.get(header::TRACESTATE), Some("vendor=it"));
}

#[test]
fn a_message_without_a_trace_or_with_a_senseless_one_begins_one() {
    let (collected, _guard) = Collected::start();
    let long = "0".repeat(100_000);
    for senseless in ["", "00", "no trace", "00-0-0-0", &format!("00-{}-{PARENT}-01", "0".repeat(32)), &long]
    {
        let headers = Headers::new().with(header::TRACEPARENT, senseless);
        let span = handling(QueueName::Raw, &message(headers.clone()));
        let mut output = headers.clone();
        pass_on(&span, &headers, &mut output);
        drop(span);
        let handled = collected.spans().pop().unwrap();
        assert_eq!(handled.parent_span_id.to_string(), "0".repeat(16), "{senseless}");
        let expected =
            format!("00-{}-{}-01", handled.span_context.trace_id(), handled.span_context.span_id());
        assert_eq!(output.get(header::TRACEPARENT), Some(expected.as_str()));
        assert_eq!(output.get(header::TRACESTATE), None);
    }
}

/// A fetcher and a loader that send traces, around a transformer that does not.
#[test]
fn where_nothing_collects_traces_headers_are_passed_on_as_they_came() {
    let span = handling(QueueName::Raw, &message(traced()));
    let mut output = Headers::new().with(header::BATCH, "b");
    pass_on(&span, &traced(), &mut output);
    assert_eq!(output, traced().with(header::BATCH, "b"));
}

#[test]
fn what_is_done_again_begins_a_trace_of_its_own() {
    let mut headers = traced().with(header::BATCH, "b");
    forget(&mut headers);
    assert_eq!(headers, Headers::new().with(header::BATCH, "b"));
}
