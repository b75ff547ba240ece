-- Version 3: a call that waits for a probe or a person remembers that its values were replaced after it last left, so
-- that a person who finds it applied does not book values as delivered that never left.

ALTER TABLE call ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0 CHECK (replaced IN (0, 1));
