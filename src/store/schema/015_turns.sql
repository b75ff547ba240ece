-- Version 15: a call that takes the place of another one keeps its turn, else whoever changes every night would be behind those
-- who change too for ever, where not all can be sent in one night.
--
-- place  the number of the first of the calls that took each other's place without having been sent; its own, where it took
--        none. Settled calls of earlier versions have 0.
--
-- In turned_away, 2147483648 is added to the field where the key is valid and came too early, while a call under another one
-- was not settled.
--
-- And withdrawn consents among the calls that wait, however many others wait too: they leave first, and to look for them among
-- all of these at each lease would be to read all of these.

ALTER TABLE call ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
UPDATE call SET place = id WHERE payload IS NOT NULL;

DROP INDEX call_ready;
CREATE INDEX call_ready ON call (provider, priority, place) WHERE state = 'queued';
CREATE INDEX call_withdrawal ON call (provider, due, id) WHERE state IN ('waiting', 'probing') AND priority = 0;
