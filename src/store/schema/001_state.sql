-- The state of crmsync, version 1.
--
-- customer   one row for each customer that was ever accepted, with the digest of the last accepted record;
-- account    what one provider is known to hold of a customer; the field values are packed (see codec.rs);
-- call       the outbox: at most one open or parked call for a customer and provider, settled ones for history;
-- answer     every answer that did not settle its call well, for the story of a customer;
-- lane       when a provider was last called and how often today, so that limits hold across restarts;
-- run        earlier runs;
-- tombstone  customers that were erased and must not come back;
-- setting    facts about the file itself.

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE customer (
    id          INTEGER PRIMARY KEY,
    customer_id TEXT NOT NULL UNIQUE CHECK (customer_id <> ''),
    digest      BLOB NOT NULL,
    order_value INTEGER
) STRICT;

CREATE TABLE account (
    customer INTEGER NOT NULL REFERENCES customer (id),
    provider INTEGER NOT NULL,
    key      TEXT NOT NULL CHECK (key <> ''),
    known    INTEGER NOT NULL CHECK (known IN (0, 1)),
    fields   BLOB NOT NULL,
    skipped  BLOB,
    PRIMARY KEY (customer, provider)
) STRICT, WITHOUT ROWID;

CREATE INDEX account_by_key ON account (provider, key);
CREATE INDEX account_with_skipped ON account (provider) WHERE skipped IS NOT NULL;

CREATE TABLE call (
    id               INTEGER PRIMARY KEY,
    customer         INTEGER NOT NULL REFERENCES customer (id),
    provider         INTEGER NOT NULL,
    operation        TEXT NOT NULL CHECK (operation IN ('create', 'update')),
    state            TEXT NOT NULL CHECK (state IN ('queued', 'waiting', 'in_flight', 'probing', 'held',
                         'acknowledged', 'refused', 'superseded', 'abandoned', 'forgotten')),
    hold             TEXT,
    create_unknown   INTEGER NOT NULL DEFAULT 0 CHECK (create_unknown IN (0, 1)),
    attempts         INTEGER NOT NULL DEFAULT 0,
    unknown_runs     INTEGER NOT NULL DEFAULT 0,
    unknown_this_run INTEGER NOT NULL DEFAULT 0 CHECK (unknown_this_run IN (0, 1)),
    crashes          INTEGER NOT NULL DEFAULT 0,
    missing_seen     INTEGER NOT NULL DEFAULT 0,
    remedy_used      INTEGER NOT NULL DEFAULT 0 CHECK (remedy_used IN (0, 1)),
    only_fields      BLOB,
    priority         INTEGER NOT NULL,
    due              INTEGER NOT NULL DEFAULT 0,
    settling         INTEGER NOT NULL DEFAULT 0 CHECK (settling IN (0, 1)),
    deferred_in      INTEGER NOT NULL DEFAULT 0,
    lease            INTEGER,
    planned_in       INTEGER NOT NULL,
    settled_in       INTEGER,
    class            TEXT,
    code             TEXT,
    created_at       INTEGER NOT NULL,
    changed_at       INTEGER NOT NULL,
    payload          BLOB,
    CHECK ((state = 'held') = (hold IS NOT NULL)),
    CHECK (state <> 'in_flight' OR lease IS NOT NULL),
    CHECK (lease IS NULL OR state IN ('in_flight', 'probing')),
    CHECK (NOT create_unknown OR state NOT IN ('queued', 'waiting', 'in_flight')),
    CHECK ((payload IS NOT NULL) = (state IN ('queued', 'waiting', 'in_flight', 'probing', 'held', 'refused')))
) STRICT;

CREATE UNIQUE INDEX call_standing ON call (customer, provider)
    WHERE state IN ('queued', 'waiting', 'in_flight', 'probing', 'held', 'refused');
CREATE INDEX call_ready ON call (provider, priority, id) WHERE state = 'queued';
CREATE INDEX call_due ON call (provider, due, id) WHERE state IN ('waiting', 'probing');
CREATE INDEX call_stuck ON call (provider, state) WHERE state IN ('in_flight', 'held', 'refused');

CREATE TABLE answer (
    call  INTEGER NOT NULL REFERENCES call (id),
    at    INTEGER NOT NULL,
    run   INTEGER NOT NULL,
    probe INTEGER NOT NULL CHECK (probe IN (0, 1)),
    class TEXT NOT NULL,
    code  TEXT NOT NULL
) STRICT;

CREATE INDEX answer_by_call ON answer (call);

CREATE TABLE lane (
    provider  INTEGER PRIMARY KEY,
    last_sent INTEGER NOT NULL,
    day       INTEGER NOT NULL,
    sent      INTEGER NOT NULL
) STRICT;

CREATE TABLE run (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    command     TEXT NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    exit_code   INTEGER,
    outcome     TEXT,
    input_time  INTEGER
) STRICT;

CREATE TABLE tombstone (
    mark BLOB PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
