-- Which snapshots were to be taken, as the fetchers announced it: without it nobody can say what is missing.

-- A schedule is in force from `since` until another of its series is.
CREATE TABLE schedules (
    id            TEXT PRIMARY KEY,
    series        TEXT NOT NULL, -- of one series, each takes the place of the one before
    endpoint      TEXT NOT NULL, -- of its batches, as currencies are
    currencies    TEXT NOT NULL, -- joined by commas
    every_seconds INTEGER NOT NULL, -- between its slots
    coins         INTEGER NOT NULL, -- that each batch asks for
    since         TEXT NOT NULL,
    simulated     INTEGER NOT NULL CHECK (simulated IN (0, 1)),
    confirmed_at  TEXT NOT NULL -- when a fetcher last said that it is in force
) STRICT;

CREATE INDEX schedules_by_time ON schedules (series, since);
