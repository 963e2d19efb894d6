-- Trouble that ends: from when to when a group was open and who was told of it, and silences.

ALTER TABLE alert_groups ADD COLUMN opened_at TEXT;      -- of the present or last episode; NULL: first_seen_at
ALTER TABLE alert_groups ADD COLUMN resolved_at TEXT;    -- set while it is resolved, and how it ended
ALTER TABLE alert_groups ADD COLUMN resolution TEXT;
ALTER TABLE alert_groups ADD COLUMN episodes INTEGER NOT NULL DEFAULT 1;
ALTER TABLE alert_groups ADD COLUMN opened_total INTEGER NOT NULL DEFAULT 0; -- total before the episode
ALTER TABLE alert_groups ADD COLUMN flapping_since TEXT; -- opened_at of the first of the episodes that followed each other closely
ALTER TABLE alert_groups ADD COLUMN flaps INTEGER NOT NULL DEFAULT 1;        -- how many these are
ALTER TABLE alert_groups ADD COLUMN told_at TEXT;        -- when a mail last told that it is open; NULL: its end interests nobody

UPDATE alert_groups SET opened_at = first_seen_at, flapping_since = first_seen_at,
    told_at = CASE state WHEN 'open' THEN mailed_at END;

CREATE INDEX alert_groups_told ON alert_groups (state, told_at);

ALTER TABLE mail_covers ADD COLUMN told_at TEXT; -- of the group before the mail

-- No mails about a group until then.
CREATE TABLE silences (
    fingerprint TEXT PRIMARY KEY, -- its row in alert_groups
    until_at    TEXT NOT NULL,
    why         TEXT NOT NULL,
    made_by     TEXT NOT NULL,
    made_at     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX silences_by_end ON silences (until_at);
