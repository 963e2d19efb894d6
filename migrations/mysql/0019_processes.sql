-- Which processes there are: each that opened the store says from time to time that it lives. And what was paid for since
-- some time, without reading all batches. MySQL has no CREATE INDEX IF NOT EXISTS, and a step must be repeatable.

-- id: made when it starts: one that starts again is another; roles: its stages, joined by commas; since: when it started; seen_at:
-- when it last said that it lives; asked_at: when it was asked to stop; ended_at: when it said that it ends; one that was killed did
-- not; rates: what its stages did in the minute before seen_at: a JSON array of [stage, messages, rows].
CREATE TABLE IF NOT EXISTS processes (
    id       VARCHAR(64) NOT NULL,
    roles    VARCHAR(255) NOT NULL,
    version  VARCHAR(255) NOT NULL,
    host     VARCHAR(255) NOT NULL,
    pid      INT UNSIGNED NOT NULL,
    since    DATETIME(3) NOT NULL,
    seen_at  DATETIME(3) NOT NULL,
    asked_at DATETIME(3),
    ended_at DATETIME(3),
    rates    TEXT NOT NULL,
    PRIMARY KEY (id),
    KEY processes_by_time (seen_at)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'batches' AND index_name = 'batches_by_fetch') = 0,
    'CREATE INDEX batches_by_fetch ON batches (fetched_at)',
    'DO 0'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
