-- Version 18: what a run was to read, so that an input that was not accepted is not forgotten because another one was, and a
-- run that was killed tells how it was started.
--
-- run.input  JSON: the files, what was typed that says how they are read, and whether they hold every customer. NULL: the run
--            read nothing, or is of an earlier version.

ALTER TABLE run ADD COLUMN input TEXT;
