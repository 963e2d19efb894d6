-- The ledger: which batches were fetched, and which of their chunks are in the tables.

CREATE TABLE IF NOT EXISTS batches (
    id         VARCHAR(512) NOT NULL,
    slot       DATETIME(3) NOT NULL, -- when it was due
    endpoint   TEXT NOT NULL,
    currencies TEXT NOT NULL, -- joined by commas
    simulated  BOOLEAN NOT NULL CHECK (simulated IN (0, 1)),
    fetched_at DATETIME(3),  -- these three are NULL until the batch was announced
    pages      INT UNSIGNED,
    credits    INT UNSIGNED,
    PRIMARY KEY (id),
    KEY batches_by_slot (slot),
    KEY batches_by_origin (simulated) -- asked before every load
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- Written in the transaction that loads the chunk's rows.
CREATE TABLE IF NOT EXISTS batch_chunks (
    batch_id       VARCHAR(512) NOT NULL,
    page           INT UNSIGNED NOT NULL,
    chunk          INT UNSIGNED NOT NULL,
    pages          INT UNSIGNED NOT NULL, -- how many the batch has, as the page says
    chunks         INT UNSIGNED NOT NULL, -- how many the page has
    coins_in       INT UNSIGNED NOT NULL,
    rejected       BIGINT UNSIGNED NOT NULL, -- coins that a rule or this database refused
    written        BIGINT UNSIGNED NOT NULL, -- these three count quotes at the first load
    unchanged      BIGINT UNSIGNED NOT NULL,
    stale          BIGINT UNSIGNED NOT NULL,
    transformed_at DATETIME(3) NOT NULL,
    loaded_at      DATETIME(3) NOT NULL,
    loads          INT UNSIGNED NOT NULL, -- how often it was loaded; more than 1 after repeats and replays
    PRIMARY KEY (batch_id, page, chunk)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
