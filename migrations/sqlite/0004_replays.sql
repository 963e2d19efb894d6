-- How often each chunk was loaded from a replay: tells when a replay has arrived.

ALTER TABLE batch_chunks ADD COLUMN replays INTEGER NOT NULL DEFAULT 0;
