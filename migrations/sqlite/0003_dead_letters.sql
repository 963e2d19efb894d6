-- The dead-letter desk and the mails about it.

CREATE TABLE dead_letters (
    id            TEXT PRIMARY KEY, -- a letter that comes again is the same letter
    fingerprint   TEXT NOT NULL,    -- its row in alert_groups
    class         TEXT NOT NULL,
    code          TEXT NOT NULL,
    reason        TEXT NOT NULL,
    stage         TEXT,
    attempt       INTEGER NOT NULL,
    first_seen_at TEXT NOT NULL,
    filed_at      TEXT NOT NULL,
    headers       TEXT NOT NULL CHECK (json_valid(headers)), -- of the original message, a JSON object
    body          BLOB NOT NULL                              -- of the original message, as it was
) STRICT;

CREATE INDEX dead_letters_by_group ON dead_letters (fingerprint, filed_at);
CREATE INDEX dead_letters_by_time ON dead_letters (filed_at);

-- Letters with the same cause.
CREATE TABLE alert_groups (
    fingerprint   TEXT PRIMARY KEY,
    stage         TEXT,
    class         TEXT NOT NULL,
    code          TEXT NOT NULL,
    reason        TEXT NOT NULL, -- of the newest letter
    state         TEXT NOT NULL CHECK (state IN ('open', 'resolved')),
    first_seen_at TEXT NOT NULL,
    last_seen_at  TEXT NOT NULL,
    total         INTEGER NOT NULL,
    unsent        INTEGER NOT NULL CHECK (unsent >= 0), -- letters that no mail has told about
    mailed_at     TEXT,
    mailed_total  INTEGER NOT NULL -- total at mailed_at
) STRICT;

CREATE TABLE mail_outbox (
    id            TEXT PRIMARY KEY, -- becomes the Message-ID
    subject       TEXT NOT NULL,
    body          TEXT NOT NULL,
    posted_at     TEXT NOT NULL,
    attempts      INTEGER NOT NULL,
    due_at        TEXT NOT NULL, -- when to try next
    last_tried_at TEXT,
    sent_at       TEXT,
    refused_at    TEXT,
    refusal       TEXT -- what the mail server said
) STRICT;

CREATE INDEX mail_outbox_by_time ON mail_outbox (posted_at);
