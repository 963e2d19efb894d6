-- Trouble that ends: from when to when a group was open and who was told of it, and silences.
-- MySQL has no ADD COLUMN IF NOT EXISTS, and a step must be repeatable; a single ALTER TABLE is done whole or not at all.

-- opened_at: of the present or last episode; NULL: first_seen_at. resolved_at, resolution: set while it is resolved, when and how.
-- opened_total: total before the episode. flapping_since: opened_at of the first of the episodes that followed each other closely;
-- flaps: how many these are. told_at: when a mail last told that it is open; NULL: its end interests nobody.
SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'alert_groups' AND column_name = 'opened_at') = 0,
    'ALTER TABLE alert_groups
         ADD COLUMN opened_at DATETIME(3),
         ADD COLUMN resolved_at DATETIME(3),
         ADD COLUMN resolution MEDIUMTEXT,
         ADD COLUMN episodes BIGINT UNSIGNED NOT NULL DEFAULT 1,
         ADD COLUMN opened_total BIGINT UNSIGNED NOT NULL DEFAULT 0,
         ADD COLUMN flapping_since DATETIME(3),
         ADD COLUMN flaps BIGINT UNSIGNED NOT NULL DEFAULT 1,
         ADD COLUMN told_at DATETIME(3),
         ADD KEY alert_groups_told (state, told_at)',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

UPDATE alert_groups SET opened_at = first_seen_at, flapping_since = first_seen_at, told_at = IF(state = 'open', mailed_at, NULL)
WHERE opened_at IS NULL;

-- told_at: of the group before the mail.
SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'mail_covers' AND column_name = 'told_at') = 0,
    'ALTER TABLE mail_covers ADD COLUMN told_at DATETIME(3)',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

-- No mails about a group until then.
CREATE TABLE IF NOT EXISTS silences (
    fingerprint VARCHAR(255) NOT NULL, -- its row in alert_groups
    until_at    DATETIME(3) NOT NULL,
    why         MEDIUMTEXT NOT NULL,
    made_by     MEDIUMTEXT NOT NULL,
    made_at     DATETIME(3) NOT NULL,
    PRIMARY KEY (fingerprint),
    KEY silences_by_end (until_at)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
