-- Which processes there are: each that opened the store says from time to time that it lives. And what was paid for since
-- some time, without reading all batches.

CREATE TABLE processes (
    id       TEXT PRIMARY KEY, -- made when it starts: one that starts again is another
    roles    TEXT NOT NULL, -- its stages, joined by commas
    version  TEXT NOT NULL,
    host     TEXT NOT NULL,
    pid      INTEGER NOT NULL,
    since    TEXT NOT NULL, -- when it started
    seen_at  TEXT NOT NULL, -- when it last said that it lives
    asked_at TEXT, -- when it was asked to stop
    ended_at TEXT, -- when it said that it ends; one that was killed did not
    rates    TEXT NOT NULL -- what its stages did in the minute before seen_at: a JSON array of [stage, messages, rows]
) STRICT, WITHOUT ROWID;

CREATE INDEX processes_by_time ON processes (seen_at);

CREATE INDEX batches_by_fetch ON batches (fetched_at);
