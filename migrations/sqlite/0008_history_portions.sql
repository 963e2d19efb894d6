-- Copies the next 200,000 quotes of the old table, or so: those of one instant are never parted. These statements are one
-- transaction, and run again and again, for as long as the last of them says how far they are.

UPDATE history_conversion SET begins = ends, ends = coalesce(
    (SELECT last_updated FROM quotes_history_before
     WHERE last_updated > (SELECT min(last_updated) FROM quotes_history_before WHERE last_updated >= ends)
     ORDER BY last_updated LIMIT 1 OFFSET 200000),
    '9999-12-31T23:59:59.999Z'
);

INSERT INTO batch_numbers (batch_id)
SELECT DISTINCT q.batch_id
FROM history_conversion AS c CROSS JOIN quotes_history_before AS q ON q.last_updated >= c.begins AND q.last_updated < c.ends
WHERE q.batch_id NOT IN (SELECT batch_id FROM batch_numbers);

INSERT INTO history
    (last_updated, coin_id, currency, fetched_at, batch, price, volume_24h, volume_change_24h, percent_change_1h,
    percent_change_24h, percent_change_7d, percent_change_30d, percent_change_60d, percent_change_90d, market_cap,
    market_cap_dominance, fully_diluted_market_cap, circulating_supply, total_supply, max_supply, num_market_pairs,
    cmc_rank, missing_fields)
SELECT q.last_updated, q.coin_id, q.currency, q.fetched_at, b.number, q.price, q.volume_24h, q.volume_change_24h,
       q.percent_change_1h, q.percent_change_24h, q.percent_change_7d, q.percent_change_30d, q.percent_change_60d,
       q.percent_change_90d, q.market_cap, q.market_cap_dominance, q.fully_diluted_market_cap, q.circulating_supply,
       q.total_supply, q.max_supply, q.num_market_pairs, q.cmc_rank, q.missing_fields
FROM history_conversion AS c
CROSS JOIN quotes_history_before AS q ON q.last_updated >= c.begins AND q.last_updated < c.ends
CROSS JOIN batch_numbers AS b ON b.batch_id = q.batch_id
ORDER BY q.last_updated, q.coin_id, q.currency;

UPDATE history_conversion SET quotes = quotes + changes();

SELECT quotes || ' quotes, up to ' || ends AS progress FROM history_conversion WHERE ends < '9999-12-31T23:59:59.999Z';
