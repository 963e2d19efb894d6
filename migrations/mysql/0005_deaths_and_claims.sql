-- Each death of a letter, mails that are claimed and give back what they covered, and the name of the installation.
-- Each statement must be repeatable; MySQL has no ADD COLUMN IF NOT EXISTS.

-- The row in dead_letters is a letter as its newest death left it.
CREATE TABLE IF NOT EXISTS letter_deaths (
    letter_id     VARCHAR(512) NOT NULL, -- its row in dead_letters
    number        INT UNSIGNED NOT NULL, -- from 1, in the order of filing
    life          VARCHAR(255) NOT NULL, -- which sending of the message into the pipeline ended so; '' is the first
    fingerprint   VARCHAR(255) NOT NULL, -- the row in alert_groups that it counts in
    class         VARCHAR(64) NOT NULL,
    code          MEDIUMTEXT NOT NULL,
    reason        MEDIUMTEXT NOT NULL,
    stage         VARCHAR(64),
    attempt       INT UNSIGNED NOT NULL,
    first_seen_at DATETIME(3) NOT NULL,
    filed_at      DATETIME(3) NOT NULL,
    PRIMARY KEY (letter_id, number)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

INSERT IGNORE INTO letter_deaths
    (letter_id, number, life, fingerprint, class, code, reason, stage, attempt, first_seen_at, filed_at)
SELECT id, 1, '', fingerprint, class, code, reason, stage, attempt, first_seen_at, filed_at FROM dead_letters;

SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'alert_groups' AND index_name = 'alert_groups_untold') = 0,
    'ALTER TABLE alert_groups ADD KEY alert_groups_untold (state, unsent)',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

-- claims: how often somebody claimed it; claimed_at: set while somebody sends it; claimed_until: when another may;
-- failure: why it was not sent the last time.
SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'mail_outbox' AND column_name = 'claims') = 0,
    'ALTER TABLE mail_outbox ADD COLUMN claims BIGINT UNSIGNED NOT NULL DEFAULT 0, ADD COLUMN claimed_at DATETIME(3), ADD COLUMN claimed_until DATETIME(3), ADD COLUMN failure MEDIUMTEXT, ADD KEY mail_outbox_waiting (sent_at, refused_at, due_at)',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

-- What a mail that waits covers: its groups get it back when the mail is refused.
CREATE TABLE IF NOT EXISTS mail_covers (
    mail_id      VARCHAR(512) NOT NULL, -- its row in mail_outbox
    fingerprint  VARCHAR(255) NOT NULL, -- the row in alert_groups
    letters      BIGINT UNSIGNED NOT NULL, -- taken off its unsent
    mailed_at    DATETIME(3), -- of the group before, so the next
    mailed_total BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (mail_id, fingerprint)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- Whoever changes the outbox locks its row first.
CREATE TABLE IF NOT EXISTS installation (
    one TINYINT UNSIGNED NOT NULL CHECK (one = 1), -- there is one
    id  VARCHAR(64) NOT NULL, -- part of every Message-ID
    PRIMARY KEY (one)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

INSERT IGNORE INTO installation (one, id) VALUES (1, LEFT(SHA2(CONCAT(UUID(), RAND(), CONNECTION_ID()), 256), 16));
