-- How often each chunk was loaded from a replay: tells when a replay has arrived.
-- MySQL has no ADD COLUMN IF NOT EXISTS, and a step must be repeatable.

SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'batch_chunks' AND column_name = 'replays') = 0,
    'ALTER TABLE batch_chunks ADD COLUMN replays INT UNSIGNED NOT NULL DEFAULT 0',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
