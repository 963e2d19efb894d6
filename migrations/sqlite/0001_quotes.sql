-- Coins and their quotes. Instants are text, RFC 3339 in UTC with three decimals: text order is time order.

-- What a coin is, as the newest snapshot describes it. Symbol, name and slug are neither unique nor stable.
CREATE TABLE coins (
    id              INTEGER PRIMARY KEY CHECK (id >= 1), -- CoinMarketCap's
    symbol          TEXT NOT NULL,
    name            TEXT NOT NULL,
    slug            TEXT NOT NULL,
    date_added      TEXT,
    platform_id     INTEGER, -- the coin whose platform a token lives on
    token_address   TEXT,
    tags            TEXT CHECK (json_valid(tags)), -- a JSON array; NULL when the API did not send the field
    infinite_supply INTEGER CHECK (infinite_supply IN (0, 1)),
    is_active       INTEGER CHECK (is_active IN (0, 1)),
    first_seen_at   TEXT NOT NULL, -- fetch time of the oldest snapshot with this coin
    last_seen_at    TEXT NOT NULL  -- fetch time of the newest one, which the description is from
) STRICT;

-- Every symbol, name and slug a coin was ever seen with.
CREATE TABLE coin_identities (
    coin_id       INTEGER NOT NULL,
    symbol        TEXT NOT NULL,
    name          TEXT NOT NULL,
    slug          TEXT NOT NULL,
    first_seen_at TEXT NOT NULL,
    last_seen_at  TEXT NOT NULL,
    PRIMARY KEY (coin_id, symbol, name, slug)
) STRICT, WITHOUT ROWID;

-- Renames: one line per field that changed. A coin that goes back to an old identity is not seen doing so.
CREATE VIEW coin_changes AS
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
CREATE TABLE quotes_latest (
    coin_id                  INTEGER NOT NULL,
    currency                 TEXT NOT NULL,
    price                    REAL,
    volume_24h               REAL,
    volume_change_24h        REAL,
    percent_change_1h        REAL,
    percent_change_24h       REAL,
    percent_change_7d        REAL,
    percent_change_30d       REAL,
    percent_change_60d       REAL,
    percent_change_90d       REAL,
    market_cap               REAL,
    market_cap_dominance     REAL,
    fully_diluted_market_cap REAL,
    circulating_supply       REAL,
    total_supply             REAL,
    max_supply               REAL,
    num_market_pairs         INTEGER,
    cmc_rank                 INTEGER,
    missing_fields           TEXT, -- columns that are NULL because the API did not send them, joined by commas
    last_updated             TEXT NOT NULL, -- when CoinMarketCap last changed the quote
    fetched_at               TEXT NOT NULL, -- when we got it
    batch_id                 TEXT NOT NULL,
    PRIMARY KEY (coin_id, currency)
) STRICT, WITHOUT ROWID;

-- Every quote ever loaded.
CREATE TABLE quotes_history (
    coin_id                  INTEGER NOT NULL,
    currency                 TEXT NOT NULL,
    price                    REAL,
    volume_24h               REAL,
    volume_change_24h        REAL,
    percent_change_1h        REAL,
    percent_change_24h       REAL,
    percent_change_7d        REAL,
    percent_change_30d       REAL,
    percent_change_60d       REAL,
    percent_change_90d       REAL,
    market_cap               REAL,
    market_cap_dominance     REAL,
    fully_diluted_market_cap REAL,
    circulating_supply       REAL,
    total_supply             REAL,
    max_supply               REAL,
    num_market_pairs         INTEGER,
    cmc_rank                 INTEGER,
    missing_fields           TEXT,
    last_updated             TEXT NOT NULL,
    fetched_at               TEXT NOT NULL,
    batch_id                 TEXT NOT NULL,
    PRIMARY KEY (coin_id, currency, last_updated)
) STRICT, WITHOUT ROWID;

CREATE INDEX quotes_history_by_time ON quotes_history (last_updated);

-- One flat row per coin: its newest quote in USD or, without one, in the alphabetically first currency.
CREATE VIEW cryptocurrencies AS
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
