-- What the ledger proves, what is asked all the time, and the flat view after a change of currencies.
-- MySQL has no ADD COLUMN IF NOT EXISTS, and a step must be repeatable; a single ALTER TABLE is done whole or not at all.

-- fetched_at, chunk_coins: when the line's page was fetched (NULL in lines of older versions), and how many coins each chunk of
-- it has but the last (NULL when there is only one). A line is a part of one cut of its page: a page that is fetched again,
-- or cut into chunks of another size, is another.
-- newest_quote_at, newest_fetch_at: the newest last_updated of its quotes, and the newest fetch by which one of them entered
-- quotes_latest. How fresh the tables are is read from these: five lines a snapshot are cheaper to keep in order than 5,000
-- quotes.
SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'batch_chunks' AND column_name = 'newest_fetch_at') = 0,
    'ALTER TABLE batch_chunks
         ADD COLUMN fetched_at DATETIME(3), ADD COLUMN chunk_coins INT UNSIGNED,
         ADD COLUMN newest_quote_at DATETIME(3), ADD COLUMN newest_fetch_at DATETIME(3),
         ADD KEY batch_chunks_by_quote (newest_quote_at), ADD KEY batch_chunks_by_fetch (newest_fetch_at)',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

UPDATE batch_chunks AS c
JOIN (
    SELECT batch_id, MAX(last_updated) AS quote_at, MAX(fetched_at) AS fetch_at FROM quotes_latest GROUP BY batch_id
) AS held ON held.batch_id = c.batch_id
SET c.newest_quote_at = held.quote_at, c.newest_fetch_at = held.fetch_at
WHERE c.newest_fetch_at IS NULL;

-- Which replays loaded a chunk. The column replays of batch_chunks counts loads, repeats of one replay among them.
CREATE TABLE IF NOT EXISTS chunk_replays (
    batch_id    VARCHAR(512) NOT NULL,
    page        INT UNSIGNED NOT NULL,
    replay      VARCHAR(64) NOT NULL,  -- empty: one that did not say which it is
    chunks      INT UNSIGNED NOT NULL, -- how the replay cut the page: into so many,
    chunk_coins INT UNSIGNED NOT NULL, -- of so many coins; 0 when there is only one, or it did not say
    chunk       INT UNSIGNED NOT NULL,
    PRIMARY KEY (batch_id, page, replay, chunks, chunk_coins, chunk)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

INSERT INTO chunk_replays
SELECT c.batch_id, c.page, '', c.chunks, 0, c.chunk FROM batch_chunks AS c WHERE c.replays > 0
ON DUPLICATE KEY UPDATE chunk_replays.chunk = chunk_replays.chunk;

-- Whether the data is real or made up: the first transaction that writes decides. At most one row.
CREATE TABLE IF NOT EXISTS data_origin (
    id        TINYINT UNSIGNED NOT NULL CHECK (id = 1),
    simulated BOOLEAN CHECK (simulated IN (0, 1)), -- NULL: both, which got in before; no more is taken
    PRIMARY KEY (id)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

INSERT INTO data_origin
SELECT 1, IF(held.least = held.most, held.least, NULL)
FROM (SELECT MIN(simulated) AS least, MAX(simulated) AS most FROM batches) AS held WHERE held.least IS NOT NULL
ON DUPLICATE KEY UPDATE data_origin.id = data_origin.id;

-- One flat row per coin: its quote in the newest snapshot that has the coin, in the first currency of that snapshot.
-- listed: whether that is the newest snapshot of all. A coin that left the listing stays as it was.
-- Loaders of older versions, which may run on beside newer ones, write lines without newest_fetch_at: a snapshot of theirs is
-- the newest when it was due after the newest fetch there is. So few batches are looked at, mostly none.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW cryptocurrencies AS
SELECT c.id, c.symbol, c.name, c.slug, c.date_added, c.platform_id, c.token_address, c.tags,
       c.infinite_supply, c.is_active, c.first_seen_at, c.last_seen_at,
       q.currency, q.price, q.volume_24h, q.volume_change_24h, q.percent_change_1h, q.percent_change_24h,
       q.percent_change_7d, q.percent_change_30d, q.percent_change_60d, q.percent_change_90d, q.market_cap,
       q.market_cap_dominance, q.fully_diluted_market_cap, q.circulating_supply, q.total_supply, q.max_supply,
       q.num_market_pairs, q.cmc_rank, q.missing_fields, q.last_updated, q.fetched_at, q.batch_id,
       COALESCE(q.batch_id = COALESCE(
           (SELECT b.id FROM batches AS b
            WHERE b.slot > (SELECT COALESCE(MAX(newest_fetch_at), '1000-01-01') FROM batch_chunks)
              AND (SELECT MAX(o.written + o.unchanged) FROM batch_chunks AS o
                   WHERE o.batch_id = b.id AND o.fetched_at IS NULL) > 0
            ORDER BY b.slot DESC, b.id DESC LIMIT 1),
           (SELECT MAX(batch_id) FROM batch_chunks
            WHERE newest_fetch_at = (SELECT MAX(newest_fetch_at) FROM batch_chunks))
       ), 0) AS listed
FROM coins AS c
JOIN quotes_latest AS q ON q.coin_id = c.id AND q.currency = (
    SELECT l.currency FROM quotes_latest AS l LEFT JOIN batches AS b ON b.id = l.batch_id
    WHERE l.coin_id = c.id
    ORDER BY l.fetched_at DESC,
             FIND_IN_SET(l.currency, b.currencies) = 0, FIND_IN_SET(l.currency, b.currencies), l.currency
    LIMIT 1
);
