-- What projects say of themselves, what is locked in them, and the name of a token's platform. The latest quotes alone have the
-- three numbers: each would take 8 bytes in every row of the history, and the cap is price x supply (docs/decisions/0018).
-- MySQL has no ADD COLUMN IF NOT EXISTS, and a step must be repeatable; a single ALTER TABLE is done whole or not at all.

SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'coins' AND column_name = 'platform_name') = 0,
    'ALTER TABLE coins
         ADD COLUMN platform_name VARCHAR(512)',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

-- self_reported_market_cap: one number a coin, the same for each of its currencies.
SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'quotes_latest' AND column_name = 'self_reported_circulating_supply') = 0,
    'ALTER TABLE quotes_latest
         ADD COLUMN self_reported_circulating_supply DOUBLE,
         ADD COLUMN self_reported_market_cap DOUBLE,
         ADD COLUMN tvl DOUBLE',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

-- One flat row per coin: its quote in the newest snapshot that has the coin, in the first currency of that snapshot.
-- listed: whether that is the newest snapshot of all. A coin that left the listing stays as it was.
-- Loaders of older versions, which may run on beside newer ones, write lines without newest_fetch_at: a snapshot of theirs is
-- the newest when it was due after the newest fetch there is. So few batches are looked at, mostly none.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW cryptocurrencies AS
SELECT c.id, c.symbol, c.name, c.slug, c.date_added, c.platform_id, c.platform_name, c.token_address,
       c.tags, c.infinite_supply, c.is_active, c.first_seen_at, c.last_seen_at,
       q.currency, q.price, q.volume_24h, q.volume_change_24h, q.percent_change_1h, q.percent_change_24h,
       q.percent_change_7d, q.percent_change_30d, q.percent_change_60d, q.percent_change_90d, q.market_cap,
       q.market_cap_dominance, q.fully_diluted_market_cap, q.circulating_supply, q.total_supply, q.max_supply,
       q.num_market_pairs, q.cmc_rank, q.self_reported_circulating_supply, q.self_reported_market_cap, q.tvl, q.missing_fields,
       q.last_updated, q.fetched_at, q.batch_id,
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
