-- Bodies apart from what changes: a claim wrote a message anew with its body, and a page was in the file twice. Now a body is
-- written once, and a message and its page in the archive share it. All in one transaction: interrupted, it leaves the file
-- as it was. It copies each body, so while it runs the file and its journal need room for the bodies once more each.

CREATE TABLE queue_bodies (
    -- The seq of the message that it came with; below 0: minus the position of a page that was archived before this step.
    number INTEGER PRIMARY KEY,
    body   BLOB NOT NULL
) STRICT;

ALTER TABLE queue_archive RENAME TO queue_archive_whole;
CREATE TABLE queue_archive (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT    NOT NULL UNIQUE,
    headers     TEXT    NOT NULL CHECK (json_valid(headers)),
    archived_at INTEGER NOT NULL,
    -- In bytes, as the retention counts it.
    size        INTEGER NOT NULL,
    -- Its number in queue_bodies.
    body        INTEGER NOT NULL UNIQUE
) STRICT;
INSERT INTO sqlite_sequence SELECT 'queue_archive', seq FROM sqlite_sequence WHERE name = 'queue_archive_whole';
INSERT INTO queue_bodies SELECT -position, body FROM queue_archive_whole ORDER BY position DESC;
INSERT INTO queue_archive SELECT position, id, headers, archived_at, size, -position FROM queue_archive_whole;
DROP TABLE queue_archive_whole;
-- Holds all that the retention looks at.
CREATE INDEX queue_archive_by_age ON queue_archive (archived_at, position, size);

-- In the room that is free now.
ALTER TABLE queue_messages RENAME TO queue_messages_whole;
CREATE TABLE queue_messages (
    -- Order of publishing, and the number of its body; AUTOINCREMENT: a number never means two messages.
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
    claims       INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO sqlite_sequence SELECT 'queue_messages', seq FROM sqlite_sequence WHERE name = 'queue_messages_whole';
INSERT INTO queue_bodies SELECT seq, body FROM queue_messages_whole ORDER BY seq;
INSERT INTO queue_messages
SELECT seq, queue, id, headers, published_at, available_at, leased, deliveries, claims FROM queue_messages_whole;
DROP TABLE queue_messages_whole;
CREATE INDEX queue_messages_by_time ON queue_messages (queue, available_at, seq);

-- A body goes with the last that needs it.
CREATE TRIGGER queue_messages_gone AFTER DELETE ON queue_messages BEGIN
    DELETE FROM queue_bodies
    WHERE number = old.seq AND NOT EXISTS (SELECT 1 FROM queue_archive WHERE body = old.seq);
END;
CREATE TRIGGER queue_archive_gone AFTER DELETE ON queue_archive BEGIN
    DELETE FROM queue_bodies
    WHERE number = old.body AND NOT EXISTS (SELECT 1 FROM queue_messages WHERE seq = old.body);
END;
