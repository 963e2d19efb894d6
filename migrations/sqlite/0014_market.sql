-- More of the market than its listings: one table for each kind of batch.

-- Each coin that any of CoinMarketCap's maps had, as the newest map with it says. None is ever deleted.
CREATE TABLE coin_map (
    coin_id               INTEGER PRIMARY KEY CHECK (coin_id >= 1), -- CoinMarketCap's
    symbol                TEXT NOT NULL,
    name                  TEXT NOT NULL,
    slug                  TEXT NOT NULL,
    cmc_rank              INTEGER CHECK (cmc_rank BETWEEN 0 AND 4294967295),
    is_active             INTEGER CHECK (is_active IN (0, 1)),
    first_historical_data TEXT, -- when CoinMarketCap's own history of it begins, and ends
    last_historical_data  TEXT,
    platform              TEXT, -- of a token: the name of the platform it lives on, and its contract there
    token_address         TEXT,
    first_seen_at         TEXT NOT NULL, -- slot of the oldest map with this coin
    last_seen_at          TEXT NOT NULL, -- and of the newest
    batch_id              TEXT NOT NULL,
    fetched_at            TEXT NOT NULL
) STRICT;

-- The maps that are whole: a coin that is in none of the later ones has vanished.
CREATE TABLE complete_maps (
    batch_id TEXT NOT NULL PRIMARY KEY,
    slot     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX complete_maps_by_slot ON complete_maps (slot);

-- vanished_at: the first whole map after the newest with the coin; NULL while it is there.
CREATE VIEW coin_activity AS
SELECT m.coin_id, m.symbol, m.name, m.slug, m.cmc_rank, m.is_active, m.first_historical_data, m.last_historical_data,
       m.platform, m.token_address, m.first_seen_at, m.last_seen_at,
       (SELECT min(c.slot) FROM complete_maps AS c WHERE c.slot > m.last_seen_at) AS vanished_at
FROM coin_map AS m;

-- The whole market at one time, its amounts of money in one currency.
CREATE TABLE global_metrics (
    last_updated                      TEXT NOT NULL,
    currency                          TEXT NOT NULL,
    total_market_cap                  REAL NOT NULL,
    total_volume_24h                  REAL,
    total_volume_24h_reported         REAL,
    altcoin_market_cap                REAL,
    altcoin_volume_24h                REAL,
    altcoin_volume_24h_reported       REAL,
    defi_market_cap                   REAL,
    defi_volume_24h                   REAL,
    stablecoin_market_cap             REAL,
    stablecoin_volume_24h             REAL,
    derivatives_volume_24h            REAL,
    btc_dominance                     REAL,
    eth_dominance                     REAL,
    defi_24h_percentage_change        REAL,
    stablecoin_24h_percentage_change  REAL,
    derivatives_24h_percentage_change REAL,
    active_cryptocurrencies           INTEGER CHECK (active_cryptocurrencies BETWEEN 0 AND 4294967295),
    total_cryptocurrencies            INTEGER CHECK (total_cryptocurrencies BETWEEN 0 AND 4294967295),
    active_market_pairs               INTEGER CHECK (active_market_pairs BETWEEN 0 AND 4294967295),
    active_exchanges                  INTEGER CHECK (active_exchanges BETWEEN 0 AND 4294967295),
    total_exchanges                   INTEGER CHECK (total_exchanges BETWEEN 0 AND 4294967295),
    batch_id                          TEXT NOT NULL,
    fetched_at                        TEXT NOT NULL,
    PRIMARY KEY (last_updated, currency)
) STRICT, WITHOUT ROWID;

-- CoinMarketCap's fear and greed index: 0 is fear, 100 greed.
CREATE TABLE fear_and_greed (
    update_time          TEXT NOT NULL PRIMARY KEY,
    value                INTEGER NOT NULL CHECK (value BETWEEN 0 AND 100),
    value_classification TEXT,
    batch_id             TEXT NOT NULL,
    fetched_at           TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Indexes of the market, such as 'cmc100'.
CREATE TABLE market_indexes (
    index_name                  TEXT NOT NULL,
    last_update                 TEXT NOT NULL,
    value                       REAL NOT NULL,
    value_24h_percentage_change REAL,
    next_update                 TEXT,
    constituents                TEXT CHECK (json_valid(constituents)), -- as sent
    batch_id                    TEXT NOT NULL,
    fetched_at                  TEXT NOT NULL,
    PRIMARY KEY (index_name, last_update)
) STRICT, WITHOUT ROWID;
