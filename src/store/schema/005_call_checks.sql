-- Version 5: the same calls under the same law, said so that SQLite need not build a set of states for every row that is
-- written: a list of more than two values is such a set, a chain of comparisons is none. A call is open or parked
-- exactly when it has a payload.

CREATE TABLE call_5 (
    id               INTEGER PRIMARY KEY,
    customer         INTEGER NOT NULL REFERENCES customer (id),
    provider         INTEGER NOT NULL,
    operation        TEXT NOT NULL CHECK (operation = 'create' OR operation = 'update'),
    state            TEXT NOT NULL CHECK (state = 'queued' OR state = 'waiting' OR state = 'in_flight'
                         OR state = 'probing' OR state = 'held' OR state = 'acknowledged' OR state = 'refused'
                         OR state = 'superseded' OR state = 'abandoned' OR state = 'forgotten'),
    hold             TEXT,
    create_unknown   INTEGER NOT NULL DEFAULT 0 CHECK (create_unknown = 0 OR create_unknown = 1),
    attempts         INTEGER NOT NULL DEFAULT 0,
    unknown_runs     INTEGER NOT NULL DEFAULT 0,
    unknown_this_run INTEGER NOT NULL DEFAULT 0 CHECK (unknown_this_run = 0 OR unknown_this_run = 1),
    crashes          INTEGER NOT NULL DEFAULT 0,
    missing_seen     INTEGER NOT NULL DEFAULT 0,
    remedy_used      INTEGER NOT NULL DEFAULT 0 CHECK (remedy_used = 0 OR remedy_used = 1),
    only_fields      BLOB,
    priority         INTEGER NOT NULL,
    due              INTEGER NOT NULL DEFAULT 0,
    settling         INTEGER NOT NULL DEFAULT 0 CHECK (settling = 0 OR settling = 1),
    deferred_in      INTEGER NOT NULL DEFAULT 0,
    lease            INTEGER,
    planned_in       INTEGER NOT NULL,
    settled_in       INTEGER,
    class            TEXT,
    code             TEXT,
    created_at       INTEGER NOT NULL,
    changed_at       INTEGER NOT NULL,
    payload          BLOB,
    fields           BLOB,
    replaced         INTEGER NOT NULL DEFAULT 0 CHECK (replaced = 0 OR replaced = 1),
    CHECK ((state = 'held') = (hold IS NOT NULL)),
    CHECK (state <> 'in_flight' OR lease IS NOT NULL),
    CHECK (lease IS NULL OR state = 'in_flight' OR state = 'probing'),
    CHECK (NOT create_unknown OR (state <> 'queued' AND state <> 'waiting' AND state <> 'in_flight')),
    CHECK ((payload IS NOT NULL) = (state = 'queued' OR state = 'waiting' OR state = 'in_flight'
        OR state = 'probing' OR state = 'held' OR state = 'refused'))
) STRICT;

INSERT INTO call_5 SELECT
    id, customer, provider, operation, state, hold, create_unknown, attempts, unknown_runs, unknown_this_run, crashes,
    missing_seen, remedy_used, only_fields, priority, due, settling, deferred_in, lease, planned_in, settled_in, class,
    code, created_at, changed_at, payload, fields, replaced
FROM call;

CREATE TABLE answer_5 (
    call  INTEGER NOT NULL REFERENCES call_5 (id),
    at    INTEGER NOT NULL,
    run   INTEGER NOT NULL,
    probe INTEGER NOT NULL CHECK (probe = 0 OR probe = 1),
    class TEXT NOT NULL,
    code  TEXT NOT NULL
) STRICT;

INSERT INTO answer_5 SELECT call, at, run, probe, class, code FROM answer ORDER BY rowid;

DROP TABLE answer;
DROP TABLE call;
ALTER TABLE call_5 RENAME TO call;
ALTER TABLE answer_5 RENAME TO answer;

CREATE INDEX answer_by_call ON answer (call);
CREATE UNIQUE INDEX call_standing ON call (customer, provider) WHERE payload IS NOT NULL;
CREATE INDEX call_ready ON call (provider, priority, id) WHERE state = 'queued';
CREATE INDEX call_due ON call (provider, due, id) WHERE state IN ('waiting', 'probing');
CREATE INDEX call_stuck ON call (provider, state)
    WHERE payload IS NOT NULL AND state <> 'queued' AND state <> 'waiting' AND state <> 'probing';
