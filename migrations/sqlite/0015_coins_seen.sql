-- What a snapshot only sees again is not written (docs/decisions/0028): the tables get other names, and views theirs, which show
-- when a coin was seen last. Loaders of older versions keep what they have: they cannot write into a view.

-- Views, ours and those that somebody else made, go on naming coins and coin_identities.
PRAGMA legacy_alter_table = ON;
ALTER TABLE coins RENAME TO coin_descriptions;
ALTER TABLE coin_identities RENAME TO coin_names;
PRAGMA legacy_alter_table = OFF;

-- What a coin is, as the newest snapshot describes it. last_seen_at in coin_descriptions is the last fetch that nothing else tells;
-- the coin's newest quotes tell theirs.
CREATE VIEW coins AS
SELECT d.id, d.symbol, d.name, d.slug, d.date_added, d.platform_id, d.token_address, d.tags, d.infinite_supply, d.is_active,
       d.first_seen_at,
       max(d.last_seen_at, coalesce(
           (SELECT max(q.fetched_at) FROM quotes_latest AS q WHERE q.coin_id = d.id), d.last_seen_at
       )) AS last_seen_at,
       d.platform_name
FROM coin_descriptions AS d;

-- Every symbol, name and slug a coin was ever seen with. Those that it has now were seen when the coin was.
CREATE VIEW coin_identities AS
SELECT n.coin_id, n.symbol, n.name, n.slug, n.first_seen_at,
       max(n.last_seen_at, coalesce(d.last_seen_at, n.last_seen_at), coalesce(
           (SELECT max(q.fetched_at) FROM quotes_latest AS q WHERE q.coin_id = d.id), n.last_seen_at
       )) AS last_seen_at
FROM coin_names AS n
LEFT JOIN coin_descriptions AS d
    ON d.id = n.coin_id AND d.symbol = n.symbol AND d.name = n.name AND d.slug = n.slug;

-- One flat row per coin: its quote in the newest snapshot that has the coin, in the first currency of that snapshot.
-- listed: whether that is the newest snapshot of all. A coin that left the listing stays as it was.
-- Loaders of older versions, which may run on beside newer ones, write lines without newest_fetch_at: a snapshot of theirs is
-- the newest when it was due after the newest fetch there is. So few batches are looked at, mostly none.
DROP VIEW cryptocurrencies;
CREATE VIEW cryptocurrencies AS
SELECT c.id, c.symbol, c.name, c.slug, c.date_added, c.platform_id, c.platform_name, c.token_address,
       c.tags, c.infinite_supply, c.is_active, c.first_seen_at, max(c.last_seen_at, q.fetched_at) AS last_seen_at,
       q.currency, q.price, q.volume_24h, q.volume_change_24h, q.percent_change_1h, q.percent_change_24h,
       q.percent_change_7d, q.percent_change_30d, q.percent_change_60d, q.percent_change_90d, q.market_cap,
       q.market_cap_dominance, q.fully_diluted_market_cap, q.circulating_supply, q.total_supply, q.max_supply,
       q.num_market_pairs, q.cmc_rank, q.self_reported_circulating_supply, q.self_reported_market_cap, q.tvl, q.missing_fields,
       q.last_updated, q.fetched_at, q.batch_id,
       coalesce(q.batch_id = coalesce(
           (SELECT b.id FROM batches AS b
            WHERE b.slot > (SELECT coalesce(max(newest_fetch_at), '') FROM batch_chunks)
              AND (SELECT max(o.written + o.unchanged) FROM batch_chunks AS o
                   WHERE o.batch_id = b.id AND o.fetched_at IS NULL) > 0
            ORDER BY b.slot DESC, b.id DESC LIMIT 1),
           (SELECT max(batch_id) FROM batch_chunks
            WHERE newest_fetch_at = (SELECT max(newest_fetch_at) FROM batch_chunks))
       ), 0) AS listed
FROM coin_descriptions AS c
JOIN quotes_latest AS q ON q.coin_id = c.id AND q.currency = (
    SELECT l.currency FROM quotes_latest AS l LEFT JOIN batches AS b ON b.id = l.batch_id
    WHERE l.coin_id = c.id
    ORDER BY l.fetched_at DESC,
             instr(',' || b.currencies || ',', ',' || l.currency || ',') = 0,
             instr(',' || b.currencies || ',', ',' || l.currency || ','), l.currency
    LIMIT 1
);
