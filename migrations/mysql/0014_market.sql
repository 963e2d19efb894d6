-- More of the market than its listings: one table for each kind of batch. Each statement must be repeatable.

-- Each coin that any of CoinMarketCap's maps had, as the newest map with it says. None is ever deleted.
CREATE TABLE IF NOT EXISTS coin_map (
    coin_id               INT UNSIGNED NOT NULL CHECK (coin_id >= 1), -- CoinMarketCap's
    symbol                VARCHAR(512) NOT NULL,
    name                  VARCHAR(512) NOT NULL,
    slug                  VARCHAR(512) NOT NULL,
    cmc_rank              INT UNSIGNED,
    is_active             BOOLEAN CHECK (is_active IN (0, 1)),
    first_historical_data DATETIME(3), -- when CoinMarketCap's own history of it begins, and ends
    last_historical_data  DATETIME(3),
    platform              VARCHAR(512), -- of a token: the name of the platform it lives on, and its contract there
    token_address         VARCHAR(512),
    first_seen_at         DATETIME(3) NOT NULL, -- slot of the oldest map with this coin
    last_seen_at          DATETIME(3) NOT NULL, -- and of the newest
    batch_id              VARCHAR(512) NOT NULL,
    fetched_at            DATETIME(3) NOT NULL,
    PRIMARY KEY (coin_id)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- The maps that are whole: a coin that is in none of the later ones has vanished.
CREATE TABLE IF NOT EXISTS complete_maps (
    batch_id VARCHAR(512) NOT NULL,
    slot     DATETIME(3) NOT NULL,
    PRIMARY KEY (batch_id),
    KEY complete_maps_by_slot (slot)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- vanished_at: the first whole map after the newest with the coin; NULL while it is there.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW coin_activity AS
SELECT m.coin_id, m.symbol, m.name, m.slug, m.cmc_rank, m.is_active, m.first_historical_data, m.last_historical_data,
       m.platform, m.token_address, m.first_seen_at, m.last_seen_at,
       (SELECT min(c.slot) FROM complete_maps AS c WHERE c.slot > m.last_seen_at) AS vanished_at
FROM coin_map AS m;

-- The whole market at one time, its amounts of money in one currency.
CREATE TABLE IF NOT EXISTS global_metrics (
    last_updated                      DATETIME(3) NOT NULL,
    currency                          VARCHAR(255) NOT NULL,
    total_market_cap                  DOUBLE NOT NULL,
    total_volume_24h                  DOUBLE,
    total_volume_24h_reported         DOUBLE,
    altcoin_market_cap                DOUBLE,
    altcoin_volume_24h                DOUBLE,
    altcoin_volume_24h_reported       DOUBLE,
    defi_market_cap                   DOUBLE,
    defi_volume_24h                   DOUBLE,
    stablecoin_market_cap             DOUBLE,
    stablecoin_volume_24h             DOUBLE,
    derivatives_volume_24h            DOUBLE,
    btc_dominance                     DOUBLE,
    eth_dominance                     DOUBLE,
    defi_24h_percentage_change        DOUBLE,
    stablecoin_24h_percentage_change  DOUBLE,
    derivatives_24h_percentage_change DOUBLE,
    active_cryptocurrencies           INT UNSIGNED,
    total_cryptocurrencies            INT UNSIGNED,
    active_market_pairs               INT UNSIGNED,
    active_exchanges                  INT UNSIGNED,
    total_exchanges                   INT UNSIGNED,
    batch_id                          VARCHAR(512) NOT NULL,
    fetched_at                        DATETIME(3) NOT NULL,
    PRIMARY KEY (last_updated, currency)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- CoinMarketCap's fear and greed index: 0 is fear, 100 greed.
CREATE TABLE IF NOT EXISTS fear_and_greed (
    update_time          DATETIME(3) NOT NULL,
    value                INT UNSIGNED NOT NULL CHECK (value BETWEEN 0 AND 100),
    value_classification VARCHAR(512),
    batch_id             VARCHAR(512) NOT NULL,
    fetched_at           DATETIME(3) NOT NULL,
    PRIMARY KEY (update_time)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- Indexes of the market, such as 'cmc100'.
CREATE TABLE IF NOT EXISTS market_indexes (
    index_name                  VARCHAR(255) NOT NULL,
    last_update                 DATETIME(3) NOT NULL,
    value                       DOUBLE NOT NULL,
    value_24h_percentage_change DOUBLE,
    next_update                 DATETIME(3),
    constituents                JSON, -- as sent
    batch_id                    VARCHAR(512) NOT NULL,
    fetched_at                  DATETIME(3) NOT NULL,
    PRIMARY KEY (index_name, last_update)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
