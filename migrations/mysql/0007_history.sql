-- The quotes in the order of time (docs/decisions/0018): what keeps them, and the old table made ready to be copied from. Step 8
-- copies it, step 9 drops it. Meanwhile quotes_history is a view of both, and loaders of older versions keep what they have:
-- they cannot write into a view.
-- MySQL has no ADD COLUMN IF NOT EXISTS, and a step must be repeatable; a single ALTER TABLE is done whole or not at all.

-- The number that stands for a batch in history. It may be there without quotes, and without a line in batches.
CREATE TABLE IF NOT EXISTS batch_numbers (
    number   INT UNSIGNED NOT NULL AUTO_INCREMENT,
    batch_id VARCHAR(512) NOT NULL,
    PRIMARY KEY (number),
    UNIQUE KEY batch_numbers_by_id (batch_id)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

INSERT INTO batch_numbers (batch_id)
SELECT k.id FROM batches AS k LEFT JOIN batch_numbers AS b ON b.batch_id = k.id WHERE b.number IS NULL ORDER BY k.slot, k.id;

-- Every quote ever loaded.
CREATE TABLE IF NOT EXISTS history (
    last_updated             DATETIME(3) NOT NULL,
    coin_id                  INT UNSIGNED NOT NULL,
    currency                 VARCHAR(512) NOT NULL,
    fetched_at               DATETIME(3) NOT NULL,
    batch                    INT UNSIGNED NOT NULL, -- its number in batch_numbers
    price                    DOUBLE,
    volume_24h               DOUBLE,
    volume_change_24h        DOUBLE,
    percent_change_1h        DOUBLE,
    percent_change_24h       DOUBLE,
    percent_change_7d        DOUBLE,
    percent_change_30d       DOUBLE,
    percent_change_60d       DOUBLE,
    percent_change_90d       DOUBLE,
    market_cap               DOUBLE,
    market_cap_dominance     DOUBLE,
    fully_diluted_market_cap DOUBLE,
    circulating_supply       DOUBLE,
    total_supply             DOUBLE,
    max_supply               DOUBLE,
    num_market_pairs         INT UNSIGNED,
    cmc_rank                 INT UNSIGNED,
    missing_fields           VARCHAR(1024),
    PRIMARY KEY (last_updated, coin_id, currency),
    KEY history_by_coin (coin_id, currency, last_updated)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- How far the old table was copied. Gone when all is.
CREATE TABLE IF NOT EXISTS history_conversion (
    one    TINYINT UNSIGNED NOT NULL CHECK (one = 1), -- there is one
    begins DATETIME(3) NOT NULL, -- of the stretch of time that was copied last
    ends   DATETIME(3) NOT NULL, -- all that is older was copied
    quotes BIGINT UNSIGNED NOT NULL, -- so many were
    PRIMARY KEY (one)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

INSERT INTO history_conversion VALUES (1, '1000-01-01', '1000-01-01', 0) ON DUPLICATE KEY UPDATE history_conversion.one = 1;

SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.tables
     WHERE table_schema = DATABASE() AND table_name = 'quotes_history' AND table_type = 'BASE TABLE') = 1,
    'RENAME TABLE quotes_history TO quotes_history_before',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW quotes_history AS
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

-- In the order of the new table, so that it is read and written from one end to the other.
SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'quotes_history_before' AND index_name = 'PRIMARY'
       AND seq_in_index = 1 AND column_name = 'coin_id') = 1,
    'ALTER TABLE quotes_history_before
         DROP PRIMARY KEY, DROP KEY quotes_history_by_time, ADD PRIMARY KEY (last_updated, coin_id, currency),
         ADD KEY history_by_coin (coin_id, currency, last_updated), ALGORITHM = INPLACE',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

-- sorted: whether the coins of the page were sorted by id before it was cut into chunks. Older versions cut it as it came,
-- which is another cut.
SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'batch_chunks' AND column_name = 'sorted') = 0,
    'ALTER TABLE batch_chunks ADD COLUMN sorted BOOLEAN NOT NULL DEFAULT 0',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'chunk_replays' AND column_name = 'sorted') = 0,
    'ALTER TABLE chunk_replays
         ADD COLUMN sorted BOOLEAN NOT NULL DEFAULT 0,
         DROP PRIMARY KEY, ADD PRIMARY KEY (batch_id, page, replay, chunks, chunk_coins, sorted, chunk)',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
