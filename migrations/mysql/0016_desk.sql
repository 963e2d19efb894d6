-- What operators do about dead letters, and the record of it (docs/decisions/0029).
-- Each statement must be repeatable; MySQL has no ADD COLUMN IF NOT EXISTS.

-- batch: that the headers name; coins: that it is about, as ',1,1027,'; state: open, replayed, resolved or dropped; settled_at: when it
-- was resolved or dropped, and why; replay_id: the replay in which it was last sent from the desk, at replayed_at; edited_from: the
-- letter that somebody made it of.
SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'dead_letters' AND column_name = 'state') = 0,
    'ALTER TABLE dead_letters ADD COLUMN batch VARCHAR(255), ADD COLUMN coins MEDIUMTEXT, ADD COLUMN state VARCHAR(16) NOT NULL DEFAULT ''open'' CHECK (state IN (''open'', ''replayed'', ''resolved'', ''dropped'')), ADD COLUMN settled_at DATETIME(3), ADD COLUMN why MEDIUMTEXT, ADD COLUMN replay_id VARCHAR(64), ADD COLUMN replayed_at DATETIME(3), ADD COLUMN edited_from VARCHAR(512)',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

UPDATE dead_letters SET batch = LEFT(JSON_UNQUOTE(JSON_EXTRACT(headers, '$."x-batch"')), 255)
WHERE batch IS NULL AND JSON_EXTRACT(headers, '$."x-batch"') IS NOT NULL;

-- InnoDB adds the primary key to each: lists are ordered by time and id.
SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'dead_letters' AND index_name = 'dead_letters_by_state') = 0,
    'ALTER TABLE dead_letters ADD KEY dead_letters_by_state (state, filed_at), ADD KEY dead_letters_by_group_state (fingerprint, state, filed_at), ADD KEY dead_letters_by_batch (batch, filed_at), ADD KEY dead_letters_settled (settled_at)',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

-- Who did what at the desk.
CREATE TABLE IF NOT EXISTS desk_log (
    id      VARCHAR(64) NOT NULL,     -- of a replay: its replay_id
    at      DATETIME(3) NOT NULL,     -- when it was begun
    who     VARCHAR(255) NOT NULL,
    verb    VARCHAR(64) NOT NULL,
    filter  MEDIUMTEXT NOT NULL,      -- which letters, as JSON
    matched BIGINT UNSIGNED NOT NULL, -- how many they were
    done    BIGINT UNSIGNED NOT NULL, -- to how many of them it was done
    outcome MEDIUMTEXT,               -- NULL: it goes on, or was killed
    PRIMARY KEY (id),
    KEY desk_log_by_time (at)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
