-- What a mail says in HTML, its headers, who is still to get it, and messages that go another way.

ALTER TABLE mail_outbox ADD COLUMN html TEXT;       -- NULL: it has text alone
ALTER TABLE mail_outbox ADD COLUMN headers TEXT;    -- a JSON object; NULL: none but the usual ones
ALTER TABLE mail_outbox ADD COLUMN recipients TEXT; -- who is still to get it, a JSON array; NULL: everybody
ALTER TABLE mail_outbox ADD COLUMN channel TEXT NOT NULL DEFAULT 'mail'; -- or 'webhook'
ALTER TABLE mail_outbox ADD COLUMN copy_of TEXT;    -- the one that says the same on another channel, and covers the groups
ALTER TABLE mail_outbox ADD COLUMN taken_at TEXT;   -- when the first of its recipients got it

UPDATE mail_outbox SET taken_at = sent_at;
