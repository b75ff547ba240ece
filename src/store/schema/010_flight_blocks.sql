-- Version 10: calls that are leased together take off in one row, and land by what becomes of them: one that is accepted
-- has no payload any more, and its number may stay in the row until the last of them is settled.
--
-- flight_block  calls (their ids, in JSON) that were leased together; the n-th has the lease of the block and n more. The id
--               of one that is settled and not accepted gives way to 0, which is no call.
-- flight        what is on its way of it, a row for each call, as it was before. A version that makes `call` anew has to
--               drop this view first.

CREATE TABLE flight_block (
    lease INTEGER PRIMARY KEY,
    at    INTEGER NOT NULL,
    calls TEXT NOT NULL CHECK (json_type(calls) = 'array')
) STRICT;

INSERT INTO flight_block SELECT lease, max(at), json_group_array(call) FROM flight GROUP BY lease;
DROP TABLE flight;

CREATE VIEW flight (call, lease, at) AS
SELECT call.id, block.lease + place.key, block.at
FROM flight_block AS block CROSS JOIN json_each(block.calls) AS place
    CROSS JOIN call ON call.id = place.value AND call.payload IS NOT NULL;
