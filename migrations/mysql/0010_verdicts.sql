-- What its fetcher found wrong with a snapshot as a whole.

-- verdict: 'incomplete': coins are missing that there are; 'suspect': some of it is hardly true. NULL: nothing was found, or the
-- batch was not announced yet, or by an older version. verdict_reason: the checks that found something, with their numbers.
SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'batches' AND column_name = 'verdict') = 0,
    'ALTER TABLE batches
         ADD COLUMN verdict VARCHAR(16) CHECK (verdict IN (''incomplete'', ''suspect'')),
         ADD COLUMN verdict_reason TEXT',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
