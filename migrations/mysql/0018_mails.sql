-- What a mail says in HTML, its headers, who is still to get it, and messages that go another way.
-- MySQL has no ADD COLUMN IF NOT EXISTS, and a step must be repeatable.

-- html: NULL: it has text alone; headers: a JSON object; NULL: none but the usual ones; recipients: who is still to get it, a JSON
-- array; NULL: everybody; channel: 'mail' or 'webhook'; copy_of: the one that says the same on another channel, and covers the
-- groups; taken_at: when the first of its recipients got it.
SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'mail_outbox' AND column_name = 'taken_at') = 0,
    'ALTER TABLE mail_outbox ADD COLUMN html MEDIUMTEXT, ADD COLUMN headers MEDIUMTEXT, ADD COLUMN recipients MEDIUMTEXT, ADD COLUMN channel VARCHAR(16) NOT NULL DEFAULT ''mail'', ADD COLUMN copy_of VARCHAR(512), ADD COLUMN taken_at DATETIME(3)',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

UPDATE mail_outbox SET taken_at = sent_at WHERE taken_at IS NULL;
