-- Which snapshots were to be taken, as the fetchers announced it: without it nobody can say what is missing.

-- A schedule is in force from `since` until another of its series is.
CREATE TABLE IF NOT EXISTS schedules (
    id            VARCHAR(255) NOT NULL,
    series        VARCHAR(50) NOT NULL, -- of one series, each takes the place of the one before
    endpoint      TEXT NOT NULL, -- of its batches, as currencies are
    currencies    TEXT NOT NULL, -- joined by commas
    every_seconds INT UNSIGNED NOT NULL, -- between its slots
    coins         INT UNSIGNED NOT NULL, -- that each batch asks for
    since         DATETIME(3) NOT NULL,
    simulated     BOOLEAN NOT NULL CHECK (simulated IN (0, 1)),
    confirmed_at  DATETIME(3) NOT NULL, -- when a fetcher last said that it is in force
    PRIMARY KEY (id),
    KEY schedules_by_time (series, since)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
