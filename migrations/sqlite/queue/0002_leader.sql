-- Which of several fetchers leads, and what it noted for the next one. One row.

CREATE TABLE queue_leader (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    -- Terms so far; the number of the newest.
    term       INTEGER NOT NULL,
    -- When the holder of that term counts as dead, in milliseconds since 1970, UTC. 0: nobody leads.
    expires_at INTEGER NOT NULL,
    note       BLOB
) STRICT;

INSERT INTO queue_leader (id, term, expires_at) VALUES (1, 0, 0);
