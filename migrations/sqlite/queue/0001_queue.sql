-- Messages that wait, and the archive of raw pages. Instants are milliseconds since 1970, UTC.

CREATE TABLE queue_messages (
    -- Order of publishing; AUTOINCREMENT: a number never means two messages.
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    queue        TEXT    NOT NULL CHECK (queue IN ('raw', 'rows', 'dead')),
    id           TEXT    NOT NULL,
    headers      TEXT    NOT NULL CHECK (json_valid(headers)),
    published_at INTEGER NOT NULL,
    -- Not handed out before. 0: at once, whatever the clock says. While someone holds the message this is
    -- the end of the lease.
    available_at INTEGER NOT NULL DEFAULT 0,
    -- Whether someone holds it.
    leased       INTEGER NOT NULL DEFAULT 0 CHECK (leased IN (0, 1)),
    -- Times it was handed out and not given back, since it was published or retried.
    deliveries   INTEGER NOT NULL DEFAULT 0,
    -- Times it was ever handed out: tells a lease from the one after it.
    claims       INTEGER NOT NULL DEFAULT 0,
    -- Last, so that nothing else has to be read past it.
    body         BLOB    NOT NULL
) STRICT;

CREATE INDEX queue_messages_by_time ON queue_messages (queue, available_at, seq);

CREATE TABLE queue_archive (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT    NOT NULL UNIQUE,
    headers     TEXT    NOT NULL CHECK (json_valid(headers)),
    archived_at INTEGER NOT NULL,
    -- In bytes, as the retention counts it.
    size        INTEGER NOT NULL,
    body        BLOB    NOT NULL
) STRICT;

-- Holds all that the retention looks at.
CREATE INDEX queue_archive_by_age ON queue_archive (archived_at, position, size);
