-- Version 6: which calls are on their way stands in a narrow table of its own. A lease adds a row to it and a settlement
-- takes it away, where both used to write the wide row of the call and its indexes anew.
--
-- flight  a call (id) that is leased and not settled, with its lease and since when; in `call` it stands as before. What a
--         crash leaves here is written into `call` (state `in_flight` or `probing`, with its lease) before anything is
--         changed there again.
--
-- Of the many queued calls a new run has to touch those alone that were tried before.

CREATE TABLE flight (
    call  INTEGER PRIMARY KEY,
    lease INTEGER NOT NULL,
    at    INTEGER NOT NULL
) STRICT;

CREATE INDEX call_tried ON call (provider, due) WHERE state = 'queued'
    AND (attempts > 0 OR unknown_this_run = 1 OR deferred_in > 0 OR settling = 1 OR due > 0);
