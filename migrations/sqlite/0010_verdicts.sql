-- What its fetcher found wrong with a snapshot as a whole.

-- 'incomplete': coins are missing that there are; 'suspect': some of it is hardly true. NULL: nothing was found, or the batch was
-- not announced yet, or by an older version.
ALTER TABLE batches ADD COLUMN verdict TEXT CHECK (verdict IN ('incomplete', 'suspect'));
ALTER TABLE batches ADD COLUMN verdict_reason TEXT; -- the checks that found something, with their numbers
