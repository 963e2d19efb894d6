-- Copies the next 200,000 quotes of the old table, or so: those of one instant are never parted. These statements are one
-- transaction, and run again and again, for as long as the last of them says how far they are.

SET @begins = (SELECT ends FROM history_conversion);
SET @first = (SELECT MIN(last_updated) FROM quotes_history_before WHERE last_updated >= CAST(@begins AS DATETIME(3)));
SET @ends = COALESCE(
    (SELECT last_updated FROM quotes_history_before WHERE last_updated > CAST(@first AS DATETIME(3))
     ORDER BY last_updated LIMIT 1 OFFSET 200000),
    '9999-12-31 23:59:59.999'
);

INSERT INTO batch_numbers (batch_id)
SELECT DISTINCT q.batch_id
FROM quotes_history_before AS q LEFT JOIN batch_numbers AS b ON b.batch_id = q.batch_id
WHERE q.last_updated >= CAST(@begins AS DATETIME(3)) AND q.last_updated < CAST(@ends AS DATETIME(3)) AND b.number IS NULL;

INSERT INTO history
    (last_updated, coin_id, currency, fetched_at, batch, price, volume_24h, volume_change_24h, percent_change_1h,
    percent_change_24h, percent_change_7d, percent_change_30d, percent_change_60d, percent_change_90d, market_cap,
    market_cap_dominance, fully_diluted_market_cap, circulating_supply, total_supply, max_supply, num_market_pairs,
    cmc_rank, missing_fields)
SELECT q.last_updated, q.coin_id, q.currency, q.fetched_at, b.number, q.price, q.volume_24h, q.volume_change_24h,
       q.percent_change_1h, q.percent_change_24h, q.percent_change_7d, q.percent_change_30d, q.percent_change_60d,
       q.percent_change_90d, q.market_cap, q.market_cap_dominance, q.fully_diluted_market_cap, q.circulating_supply,
       q.total_supply, q.max_supply, q.num_market_pairs, q.cmc_rank, q.missing_fields
FROM quotes_history_before AS q STRAIGHT_JOIN batch_numbers AS b ON b.batch_id = q.batch_id
WHERE q.last_updated >= CAST(@begins AS DATETIME(3)) AND q.last_updated < CAST(@ends AS DATETIME(3))
ORDER BY q.last_updated, q.coin_id, q.currency;

UPDATE history_conversion SET quotes = quotes + ROW_COUNT(), begins = @begins, ends = @ends;

SELECT CONCAT(quotes, ' quotes, up to ', ends) AS progress FROM history_conversion WHERE ends < '9999-12-31 23:59:59.999';
