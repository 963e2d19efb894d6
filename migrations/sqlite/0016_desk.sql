-- What operators do about dead letters, and the record of it (docs/decisions/0029).

-- The body stays last: SQLite goes through all of a row's body to reach what comes after it.
DROP INDEX dead_letters_by_group;
DROP INDEX dead_letters_by_time;
ALTER TABLE dead_letters RENAME TO dead_letters_before;
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
    batch         TEXT, -- that the headers name
    coins         TEXT, -- that it is about, as ',1,1027,'
    state         TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'resolved', 'dropped')),
    settled_at    TEXT, -- when it was resolved or dropped
    why           TEXT,
    replay_id     TEXT, -- the replay in which it was last sent from the desk
    replayed_at   TEXT,
    edited_from   TEXT, -- the letter that somebody made it of
    body          BLOB NOT NULL -- of the original message, as it was
) STRICT;

INSERT INTO dead_letters
    (id, fingerprint, class, code, reason, stage, attempt, first_seen_at, filed_at, headers, batch, body)
SELECT id, fingerprint, class, code, reason, stage, attempt, first_seen_at, filed_at, headers,
       substr(json_extract(headers, '$."x-batch"'), 1, 255), body
FROM dead_letters_before;
DROP TABLE dead_letters_before;

CREATE INDEX dead_letters_by_group ON dead_letters (fingerprint, filed_at, id);
CREATE INDEX dead_letters_by_time ON dead_letters (filed_at, id);
CREATE INDEX dead_letters_by_state ON dead_letters (state, filed_at, id);
CREATE INDEX dead_letters_by_group_state ON dead_letters (fingerprint, state, filed_at, id);
CREATE INDEX dead_letters_by_batch ON dead_letters (batch, filed_at, id);
CREATE INDEX dead_letters_settled ON dead_letters (settled_at);

-- Who did what at the desk.
CREATE TABLE desk_log (
    id      TEXT PRIMARY KEY, -- of a replay: its replay_id
    at      TEXT NOT NULL,    -- when it was begun
    who     TEXT NOT NULL,
    verb    TEXT NOT NULL,
    filter  TEXT NOT NULL,    -- which letters, as JSON
    matched INTEGER NOT NULL, -- how many they were
    done    INTEGER NOT NULL, -- to how many of them it was done
    outcome TEXT              -- NULL: it goes on, or was killed
) STRICT;

CREATE INDEX desk_log_by_time ON desk_log (at, id);
