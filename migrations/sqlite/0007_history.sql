-- The quotes in the order of time (docs/decisions/0018): what keeps them. Step 8 copies the old table, step 9 drops it. Meanwhile
-- quotes_history is a view of both, and loaders of older versions keep what they have: they cannot write into a view.

-- The number that stands for a batch in history. It may be there without quotes, and without a line in batches.
CREATE TABLE batch_numbers (
    number   INTEGER PRIMARY KEY,
    batch_id TEXT NOT NULL UNIQUE
) STRICT;

INSERT INTO batch_numbers (batch_id) SELECT id FROM batches ORDER BY slot, id;

-- Every quote ever loaded.
CREATE TABLE history (
    last_updated             TEXT NOT NULL,
    coin_id                  INTEGER NOT NULL,
    currency                 TEXT NOT NULL,
    fetched_at               TEXT NOT NULL,
    batch                    INTEGER NOT NULL, -- its number in batch_numbers
    price                    REAL,
    volume_24h               REAL,
    volume_change_24h        REAL,
    percent_change_1h        REAL,
    percent_change_24h       REAL,
    percent_change_7d        REAL,
    percent_change_30d       REAL,
    percent_change_60d       REAL,
    percent_change_90d       REAL,
    market_cap               REAL,
    market_cap_dominance     REAL,
    fully_diluted_market_cap REAL,
    circulating_supply       REAL,
    total_supply             REAL,
    max_supply               REAL,
    num_market_pairs         INTEGER,
    cmc_rank                 INTEGER,
    missing_fields           TEXT,
    PRIMARY KEY (last_updated, coin_id, currency)
) STRICT, WITHOUT ROWID;

CREATE INDEX history_by_coin ON history (coin_id, currency, last_updated);

-- How far the old table was copied. Gone when all is.
CREATE TABLE history_conversion (
    one    INTEGER PRIMARY KEY CHECK (one = 1), -- there is one
    begins TEXT NOT NULL, -- of the stretch of time that was copied last
    ends   TEXT NOT NULL, -- all that is older was copied
    quotes INTEGER NOT NULL -- so many were
) STRICT;

INSERT INTO history_conversion VALUES (1, '', '', 0);

-- Views that somebody else made go on naming quotes_history.
PRAGMA legacy_alter_table = ON;
ALTER TABLE quotes_history RENAME TO quotes_history_before;
PRAGMA legacy_alter_table = OFF;

CREATE VIEW quotes_history AS
SELECT h.coin_id, h.currency, h.price, h.volume_24h, h.volume_change_24h, h.percent_change_1h, h.percent_change_24h,
       h.percent_change_7d, h.percent_change_30d, h.percent_change_60d, h.percent_change_90d, h.market_cap,
       h.market_cap_dominance, h.fully_diluted_market_cap, h.circulating_supply, h.total_supply, h.max_supply,
       h.num_market_pairs, h.cmc_rank, h.missing_fields, h.last_updated, h.fetched_at, b.batch_id
FROM history AS h LEFT JOIN batch_numbers AS b ON b.number = h.batch
UNION ALL
SELECT q.coin_id, q.currency, q.price, q.volume_24h, q.volume_change_24h, q.percent_change_1h, q.percent_change_24h,
       q.percent_change_7d, q.percent_change_30d, q.percent_change_60d, q.percent_change_90d, q.market_cap,
       q.market_cap_dominance, q.fully_diluted_market_cap, q.circulating_supply, q.total_supply, q.max_supply,
       q.num_market_pairs, q.cmc_rank, q.missing_fields, q.last_updated, q.fetched_at, q.batch_id
FROM quotes_history_before AS q WHERE q.last_updated >= (SELECT ends FROM history_conversion);

-- Whether the coins of the page were sorted by id before it was cut into chunks. Older versions cut it as it came, which is
-- another cut.
ALTER TABLE batch_chunks ADD COLUMN sorted INTEGER NOT NULL DEFAULT 0 CHECK (sorted IN (0, 1));

ALTER TABLE chunk_replays RENAME TO chunk_replays_before;

CREATE TABLE chunk_replays (
    batch_id    TEXT NOT NULL,
    page        INTEGER NOT NULL,
    replay      TEXT NOT NULL,    -- empty: one that did not say which it is
    chunks      INTEGER NOT NULL, -- how the replay cut the page: into so many,
    chunk_coins INTEGER NOT NULL, -- of so many coins; 0 when there is only one, or it did not say;
    sorted      INTEGER NOT NULL DEFAULT 0, -- sorted by id before, or as they came
    chunk       INTEGER NOT NULL,
    PRIMARY KEY (batch_id, page, replay, chunks, chunk_coins, sorted, chunk)
) STRICT, WITHOUT ROWID;

INSERT INTO chunk_replays SELECT batch_id, page, replay, chunks, chunk_coins, 0, chunk FROM chunk_replays_before;

DROP TABLE chunk_replays_before;
