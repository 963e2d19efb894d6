-- What the ledger proves, what is asked all the time, and the flat view after a change of currencies.

-- A line is a part of one cut of its page: a page that is fetched again, or cut into chunks of another size, is another.
ALTER TABLE batch_chunks ADD COLUMN fetched_at TEXT;      -- when the page was fetched; NULL in lines of older versions
ALTER TABLE batch_chunks ADD COLUMN chunk_coins INTEGER;  -- coins in each chunk of the page but the last; NULL when there is only one
-- How fresh the tables are is read from these two: five lines a snapshot are cheaper to keep in order than 5,000 quotes.
ALTER TABLE batch_chunks ADD COLUMN newest_quote_at TEXT; -- the newest last_updated of its quotes
ALTER TABLE batch_chunks ADD COLUMN newest_fetch_at TEXT; -- the newest fetch by which one of them entered quotes_latest

UPDATE batch_chunks SET newest_quote_at = held.quote_at, newest_fetch_at = held.fetch_at
FROM (SELECT batch_id, max(last_updated) AS quote_at, max(fetched_at) AS fetch_at FROM quotes_latest GROUP BY batch_id) AS held
WHERE held.batch_id = batch_chunks.batch_id;

CREATE INDEX batch_chunks_by_quote ON batch_chunks (newest_quote_at);
CREATE INDEX batch_chunks_by_fetch ON batch_chunks (newest_fetch_at);

-- Which replays loaded a chunk. The column replays of batch_chunks counts loads, repeats of one replay among them.
CREATE TABLE chunk_replays (
    batch_id    TEXT NOT NULL,
    page        INTEGER NOT NULL,
    replay      TEXT NOT NULL,    -- empty: one that did not say which it is
    chunks      INTEGER NOT NULL, -- how the replay cut the page: into so many,
    chunk_coins INTEGER NOT NULL, -- of so many coins; 0 when there is only one, or it did not say
    chunk       INTEGER NOT NULL,
    PRIMARY KEY (batch_id, page, replay, chunks, chunk_coins, chunk)
) STRICT, WITHOUT ROWID;

INSERT INTO chunk_replays SELECT batch_id, page, '', chunks, 0, chunk FROM batch_chunks WHERE replays > 0;

-- Whether the data is real or made up: the first transaction that writes decides. At most one row.
CREATE TABLE data_origin (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    simulated INTEGER CHECK (simulated IN (0, 1)) -- NULL: both, which got in before; no more is taken
) STRICT;

INSERT INTO data_origin
SELECT 1, CASE WHEN least = most THEN least END
FROM (SELECT min(simulated) AS least, max(simulated) AS most FROM batches) WHERE least IS NOT NULL;

CREATE INDEX batches_by_origin ON batches (simulated);

-- One flat row per coin: its quote in the newest snapshot that has the coin, in the first currency of that snapshot.
-- listed: whether that is the newest snapshot of all. A coin that left the listing stays as it was.
-- Loaders of older versions, which may run on beside newer ones, write lines without newest_fetch_at: a snapshot of theirs is
-- the newest when it was due after the newest fetch there is. So few batches are looked at, mostly none.
DROP VIEW cryptocurrencies;
CREATE VIEW cryptocurrencies AS
SELECT c.id, c.symbol, c.name, c.slug, c.date_added, c.platform_id, c.token_address, c.tags,
       c.infinite_supply, c.is_active, c.first_seen_at, c.last_seen_at,
       q.currency, q.price, q.volume_24h, q.volume_change_24h, q.percent_change_1h, q.percent_change_24h,
       q.percent_change_7d, q.percent_change_30d, q.percent_change_60d, q.percent_change_90d, q.market_cap,
       q.market_cap_dominance, q.fully_diluted_market_cap, q.circulating_supply, q.total_supply, q.max_supply,
       q.num_market_pairs, q.cmc_rank, q.missing_fields, q.last_updated, q.fetched_at, q.batch_id,
       coalesce(q.batch_id = coalesce(
           (SELECT b.id FROM batches AS b
            WHERE b.slot > (SELECT coalesce(max(newest_fetch_at), '') FROM batch_chunks)
              AND (SELECT max(o.written + o.unchanged) FROM batch_chunks AS o
                   WHERE o.batch_id = b.id AND o.fetched_at IS NULL) > 0
            ORDER BY b.slot DESC, b.id DESC LIMIT 1),
           (SELECT max(batch_id) FROM batch_chunks
            WHERE newest_fetch_at = (SELECT max(newest_fetch_at) FROM batch_chunks))
       ), 0) AS listed
FROM coins AS c
JOIN quotes_latest AS q ON q.coin_id = c.id AND q.currency = (
    SELECT l.currency FROM quotes_latest AS l LEFT JOIN batches AS b ON b.id = l.batch_id
    WHERE l.coin_id = c.id
    ORDER BY l.fetched_at DESC,
             instr(',' || b.currencies || ',', ',' || l.currency || ',') = 0,
             instr(',' || b.currencies || ',', ',' || l.currency || ','), l.currency
    LIMIT 1
);
