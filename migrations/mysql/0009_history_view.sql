-- All is copied.

CREATE OR REPLACE SQL SECURITY INVOKER VIEW quotes_history AS
SELECT h.coin_id, h.currency, h.price, h.volume_24h, h.volume_change_24h, h.percent_change_1h, h.percent_change_24h,
       h.percent_change_7d, h.percent_change_30d, h.percent_change_60d, h.percent_change_90d, h.market_cap,
       h.market_cap_dominance, h.fully_diluted_market_cap, h.circulating_supply, h.total_supply, h.max_supply,
       h.num_market_pairs, h.cmc_rank, h.missing_fields, h.last_updated, h.fetched_at, b.batch_id
FROM history AS h LEFT JOIN batch_numbers AS b ON b.number = h.batch;

DROP TABLE IF EXISTS quotes_history_before, history_conversion;
