-- Version 2: a call remembers which fields it carried, by their codes and without their values, so that the story of
-- a customer can name them after the payload was erased. Calls of version 1 do not know.

ALTER TABLE call ADD COLUMN fields BLOB;
