-- Version 14: who else's record names an account is looked up by its mark, for each call that is released or resolved.

CREATE INDEX named_key_by_mark ON named_key (mark, provider) WHERE mark <> x'';
