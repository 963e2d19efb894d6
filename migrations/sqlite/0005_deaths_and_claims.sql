-- Each death of a letter, mails that are claimed and give back what they covered, and the name of the installation.

-- The row in dead_letters is a letter as its newest death left it.
CREATE TABLE letter_deaths (
    letter_id     TEXT NOT NULL,    -- its row in dead_letters
    number        INTEGER NOT NULL, -- from 1, in the order of filing
    life          TEXT NOT NULL,    -- which sending of the message into the pipeline ended so; '' is the first
    fingerprint   TEXT NOT NULL,    -- the row in alert_groups that it counts in
    class         TEXT NOT NULL,
    code          TEXT NOT NULL,
    reason        TEXT NOT NULL,
    stage         TEXT,
    attempt       INTEGER NOT NULL,
    first_seen_at TEXT NOT NULL,
    filed_at      TEXT NOT NULL,
    PRIMARY KEY (letter_id, number)
) STRICT;

INSERT INTO letter_deaths
SELECT id, 1, '', fingerprint, class, code, reason, stage, attempt, first_seen_at, filed_at FROM dead_letters;

-- Lists are ordered by time and id.
DROP INDEX dead_letters_by_group;
CREATE INDEX dead_letters_by_group ON dead_letters (fingerprint, filed_at, id);
DROP INDEX dead_letters_by_time;
CREATE INDEX dead_letters_by_time ON dead_letters (filed_at, id);

CREATE INDEX alert_groups_untold ON alert_groups (state, unsent);

ALTER TABLE mail_outbox ADD COLUMN claims INTEGER NOT NULL DEFAULT 0; -- how often somebody claimed it
ALTER TABLE mail_outbox ADD COLUMN claimed_at TEXT;    -- set while somebody sends it
ALTER TABLE mail_outbox ADD COLUMN claimed_until TEXT; -- when another may
ALTER TABLE mail_outbox ADD COLUMN failure TEXT;       -- why it was not sent the last time
CREATE INDEX mail_outbox_waiting ON mail_outbox (sent_at, refused_at, due_at);

-- What a mail that waits covers: its groups get it back when the mail is refused.
CREATE TABLE mail_covers (
    mail_id      TEXT NOT NULL,    -- its row in mail_outbox
    fingerprint  TEXT NOT NULL,    -- the row in alert_groups
    letters      INTEGER NOT NULL, -- taken off its unsent
    mailed_at    TEXT,             -- of the group before, so the next
    mailed_total INTEGER NOT NULL,
    PRIMARY KEY (mail_id, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE TABLE installation (
    one INTEGER PRIMARY KEY CHECK (one = 1), -- there is one
    id  TEXT NOT NULL                        -- part of every Message-ID
) STRICT;

INSERT INTO installation VALUES (1, lower(hex(randomblob(8))));
