//! Names of the headers that coinpipe writes.

/// [`BatchId`](crate::BatchId) that the message belongs to.
pub const BATCH: &str = "x-batch";
/// Slot of the batch, RFC 3339.
pub const SLOT: &str = "x-slot";
/// Number of the page, from 1.
pub const PAGE: &str = "x-page";
/// How many pages the batch has.
pub const PAGES: &str = "x-pages";
/// When the page arrived, or, of one that fills a gap, the instant that it speaks of; RFC 3339.
pub const FETCHED_AT: &str = "x-fetched-at";
/// When the response arrived, RFC 3339, of a page that counts as fetched at its slot; absent for others.
pub const RECEIVED_AT: &str = "x-received-at";
/// What was fetched (`listings`, `history`).
pub const ENDPOINT: &str = "x-endpoint";
/// `v1` or `v3`.
pub const API_VERSION: &str = "x-api-version";
/// Currencies asked for, joined by commas.
pub const CONVERT: &str = "x-convert";
/// The one of them that the page was asked in; absent when it is all of them.
pub const CURRENCY: &str = "x-currency";
/// `true` when a simulator made the data up.
pub const SIMULATED: &str = "x-simulated";
/// `live`, `backfill`, `replay` or `rebuild`: the text of an [`Origin`](crate::Origin).
pub const ORIGIN: &str = "x-origin";
/// The id of the replay that the message comes from; absent for live pages and what is made of them. All that is made of a
/// message inherits it. It tells a message that dies again in a replay from a letter that was delivered twice.
pub const REPLAY_ID: &str = "x-life";
/// How many coins each chunk of the page has, but the last, which may have fewer: chunks of one size fit together.
pub const CHUNK_COINS: &str = "x-chunk-coins";
/// `id` when the coins of the page were sorted by id before it was cut into chunks; absent when they were cut as they came, as
/// older versions did.
pub const CHUNK_ORDER: &str = "x-chunk-order";
/// How the body is encoded (`zstd`), as in HTTP.
pub const CONTENT_ENCODING: &str = "content-encoding";
/// How often the message was tried, counting this time; absent means 1.
pub const ATTEMPT: &str = "x-attempt";
/// When the first attempt failed, RFC 3339.
pub const FIRST_FAILED_AT: &str = "x-first-failed-at";
/// The trace and the span that the message comes from, as the
/// [W3C Trace Context](https://www.w3.org/TR/trace-context/#traceparent-header) says.
pub const TRACEPARENT: &str = "traceparent";
/// What tracing systems add to it
/// ([W3C Trace Context](https://www.w3.org/TR/trace-context/#tracestate-header)).
pub const TRACESTATE: &str = "tracestate";
/// Headers and properties that the queue could not read, as text. The loop of a stage rejects such a message with
/// all that is known; what else could be read is in the other headers.
pub const UNREADABLE: &str = "x-unreadable-headers";
/// The ids of the coins that a dead letter is about, joined by commas; the first ones, when they are very many.
pub const DEAD_COINS: &str = "x-dead-coins";
/// Prefix of the headers that a dead letter adds; see [`DeadLetter`](crate::DeadLetter).
pub const DEAD_PREFIX: &str = "x-dead-";
