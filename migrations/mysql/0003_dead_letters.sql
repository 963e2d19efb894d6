-- The dead-letter desk and the mails about it.

CREATE TABLE IF NOT EXISTS dead_letters (
    id            VARCHAR(512) NOT NULL, -- a letter that comes again is the same letter
    fingerprint   VARCHAR(255) NOT NULL, -- its row in alert_groups
    class         VARCHAR(64) NOT NULL,
    code          MEDIUMTEXT NOT NULL,
    reason        MEDIUMTEXT NOT NULL,
    stage         VARCHAR(64),
    attempt       INT UNSIGNED NOT NULL,
    first_seen_at DATETIME(3) NOT NULL,
    filed_at      DATETIME(3) NOT NULL,
    headers       JSON NOT NULL,    -- of the original message, an object
    body          LONGBLOB NOT NULL, -- of the original message, as it was
    PRIMARY KEY (id),
    KEY dead_letters_by_group (fingerprint, filed_at),
    KEY dead_letters_by_time (filed_at)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- Letters with the same cause.
CREATE TABLE IF NOT EXISTS alert_groups (
    fingerprint   VARCHAR(255) NOT NULL,
    stage         VARCHAR(64),
    class         VARCHAR(64) NOT NULL,
    code          MEDIUMTEXT NOT NULL,
    reason        MEDIUMTEXT NOT NULL, -- of the newest letter
    state         VARCHAR(16) NOT NULL CHECK (state IN ('open', 'resolved')),
    first_seen_at DATETIME(3) NOT NULL,
    last_seen_at  DATETIME(3) NOT NULL,
    total         BIGINT UNSIGNED NOT NULL,
    unsent        BIGINT UNSIGNED NOT NULL, -- letters that no mail has told about
    mailed_at     DATETIME(3),
    mailed_total  BIGINT UNSIGNED NOT NULL, -- total at mailed_at
    PRIMARY KEY (fingerprint)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

CREATE TABLE IF NOT EXISTS mail_outbox (
    id            VARCHAR(512) NOT NULL, -- becomes the Message-ID
    subject       MEDIUMTEXT NOT NULL,
    body          MEDIUMTEXT NOT NULL,
    posted_at     DATETIME(3) NOT NULL,
    attempts      INT UNSIGNED NOT NULL,
    due_at        DATETIME(3) NOT NULL, -- when to try next
    last_tried_at DATETIME(3),
    sent_at       DATETIME(3),
    refused_at    DATETIME(3),
    refusal       MEDIUMTEXT, -- what the mail server said
    PRIMARY KEY (id),
    KEY mail_outbox_by_time (posted_at)
) ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4, COLLATE = /*M!100203 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
