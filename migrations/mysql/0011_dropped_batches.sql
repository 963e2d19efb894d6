-- Batches that somebody took out of the tables (docs/decisions/0026).
-- MySQL has no ADD COLUMN IF NOT EXISTS, and a step must be repeatable.

-- dropped_at: when; NULL: it was not. dropped_why: why, in somebody's words.
SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'batches' AND column_name = 'dropped_at') = 0,
    'ALTER TABLE batches ADD COLUMN dropped_at DATETIME(3), ADD COLUMN dropped_why TEXT',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

-- Loaders read it with the number, and load nothing of such a batch.
SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'batch_numbers' AND column_name = 'dropped') = 0,
    'ALTER TABLE batch_numbers ADD COLUMN dropped BOOLEAN NOT NULL DEFAULT 0',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

-- The oldest last_updated of the line's quotes; NULL in lines of older versions. With the newest it bounds where they are.
SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'batch_chunks' AND column_name = 'oldest_quote_at') = 0,
    'ALTER TABLE batch_chunks ADD COLUMN oldest_quote_at DATETIME(3)',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
