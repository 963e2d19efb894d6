-- Batches that somebody took out of the tables (docs/decisions/0026).

ALTER TABLE batches ADD COLUMN dropped_at TEXT;  -- when; NULL: it was not
ALTER TABLE batches ADD COLUMN dropped_why TEXT; -- why, in somebody's words

-- Loaders read it with the number, and load nothing of such a batch.
ALTER TABLE batch_numbers ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0 CHECK (dropped IN (0, 1));

-- The oldest last_updated of the line's quotes; NULL in lines of older versions. With the newest it bounds where they are.
ALTER TABLE batch_chunks ADD COLUMN oldest_quote_at TEXT;
