-- Coins and their quotes. Instants are UTC, to the millisecond; numbers are the doubles that CoinMarketCap sends.
-- Texts are compared character by character: case counts, and so do blanks at the end. MariaDB and MySQL
-- have different names for that, each in a comment that only it executes.
-- A crash may leave a step half done, so every statement can be repeated.

-- What a coin is, as the newest snapshot describes it. Symbol, name and slug are neither unique nor stable.
CREATE TABLE IF NOT EXISTS coins (
    id              INT UNSIGNED NOT NULL CHECK (id >= 1), -- CoinMarketCap's
    symbol          VARCHAR(512) NOT NULL,
    name            VARCHAR(512) NOT NULL,
    slug            VARCHAR(512) NOT NULL,
    date_added      DATETIME(3),
    platform_id     INT UNSIGNED, -- the coin whose platform a token lives on
    token_address   VARCHAR(512),
    tags            JSON, -- an array; NULL when the API did not send the field
    infinite_supply BOOLEAN CHECK (infinite_supply IN (0, 1)),
    is_active       BOOLEAN CHECK (is_active IN (0, 1)),
    first_seen_at   DATETIME(3) NOT NULL, -- fetch time of the oldest snapshot with this coin
    last_seen_at    DATETIME(3) NOT NULL, -- fetch time of the newest one, which the description is from
    PRIMARY KEY (id)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- Every symbol, name and slug a coin was ever seen with.
CREATE TABLE IF NOT EXISTS coin_identities (
    coin_id       INT UNSIGNED NOT NULL,
    identity      BINARY(32) NOT NULL, -- hash of the three texts, which together are too long for a key
    symbol        VARCHAR(512) NOT NULL,
    name          VARCHAR(512) NOT NULL,
    slug          VARCHAR(512) NOT NULL,
    first_seen_at DATETIME(3) NOT NULL,
    last_seen_at  DATETIME(3) NOT NULL,
    PRIMARY KEY (coin_id, identity)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- Renames: one line per field that changed. A coin that goes back to an old identity is not seen doing so.
-- Views run with the rights of whoever reads them: they outlive the user who created them.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW coin_changes AS
WITH steps AS (
    SELECT coin_id, symbol, name, slug, first_seen_at AS changed_at,
           LAG(symbol) OVER step AS old_symbol, LAG(name) OVER step AS old_name, LAG(slug) OVER step AS old_slug
    FROM coin_identities
    WINDOW step AS (PARTITION BY coin_id ORDER BY first_seen_at, last_seen_at, symbol, name, slug)
)
SELECT coin_id, 'symbol' AS field, old_symbol AS old_value, symbol AS new_value, changed_at
FROM steps WHERE old_symbol <> symbol
UNION ALL
SELECT coin_id, 'name', old_name, name, changed_at FROM steps WHERE old_name <> name
UNION ALL
SELECT coin_id, 'slug', old_slug, slug, changed_at FROM steps WHERE old_slug <> slug;

-- The newest quote of each coin in each currency.
CREATE TABLE IF NOT EXISTS quotes_latest (
    coin_id                  INT UNSIGNED NOT NULL,
    currency                 VARCHAR(512) NOT NULL,
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
    missing_fields           VARCHAR(1024), -- columns that are NULL because the API did not send them, joined by commas
    last_updated             DATETIME(3) NOT NULL, -- when CoinMarketCap last changed the quote
    fetched_at               DATETIME(3) NOT NULL, -- when we got it
    batch_id                 VARCHAR(512) NOT NULL,
    PRIMARY KEY (coin_id, currency)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- Every quote ever loaded.
CREATE TABLE IF NOT EXISTS quotes_history (
    coin_id                  INT UNSIGNED NOT NULL,
    currency                 VARCHAR(512) NOT NULL,
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
    last_updated             DATETIME(3) NOT NULL,
    fetched_at               DATETIME(3) NOT NULL,
    batch_id                 VARCHAR(512) NOT NULL,
    PRIMARY KEY (coin_id, currency, last_updated),
    KEY quotes_history_by_time (last_updated)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- One flat row per coin: its newest quote in USD or, without one, in the alphabetically first currency.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW cryptocurrencies AS
SELECT c.id, c.symbol, c.name, c.slug, c.date_added, c.platform_id, c.token_address, c.tags,
       c.infinite_supply, c.is_active, c.first_seen_at, c.last_seen_at,
       q.currency, q.price, q.volume_24h, q.volume_change_24h, q.percent_change_1h, q.percent_change_24h,
       q.percent_change_7d, q.percent_change_30d, q.percent_change_60d, q.percent_change_90d, q.market_cap,
       q.market_cap_dominance, q.fully_diluted_market_cap, q.circulating_supply, q.total_supply, q.max_supply,
       q.num_market_pairs, q.cmc_rank, q.missing_fields, q.last_updated, q.fetched_at, q.batch_id
FROM coins AS c
JOIN quotes_latest AS q ON q.coin_id = c.id AND q.currency = (
    SELECT currency FROM quotes_latest WHERE coin_id = c.id ORDER BY currency <> 'USD', currency LIMIT 1
);
