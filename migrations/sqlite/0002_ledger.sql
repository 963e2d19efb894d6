-- The ledger: which batches were fetched, and which of their chunks are in the tables.

CREATE TABLE batches (
    id         TEXT PRIMARY KEY,
    slot       TEXT NOT NULL, -- when it was due
    endpoint   TEXT NOT NULL,
    currencies TEXT NOT NULL, -- joined by commas
    simulated  INTEGER NOT NULL CHECK (simulated IN (0, 1)),
    fetched_at TEXT,    -- these three are NULL until the batch was announced
    pages      INTEGER,
    credits    INTEGER
) STRICT;

CREATE INDEX batches_by_slot ON batches (slot);

-- Written in the transaction that loads the chunk's rows.
CREATE TABLE batch_chunks (
    batch_id       TEXT NOT NULL,
    page           INTEGER NOT NULL,
    chunk          INTEGER NOT NULL,
    pages          INTEGER NOT NULL, -- how many the batch has, as the page says
    chunks         INTEGER NOT NULL, -- how many the page has
    coins_in       INTEGER NOT NULL,
    rejected       INTEGER NOT NULL, -- coins that a rule or this database refused
    written        INTEGER NOT NULL, -- these three count quotes at the first load
    unchanged      INTEGER NOT NULL,
    stale          INTEGER NOT NULL,
    transformed_at TEXT NOT NULL,
    loaded_at      TEXT NOT NULL,
    loads          INTEGER NOT NULL, -- how often it was loaded; more than 1 after repeats and replays
    PRIMARY KEY (batch_id, page, chunk)
) STRICT, WITHOUT ROWID;
