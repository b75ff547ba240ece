-- Version 12: the key that the newest record of a customer names at a provider, where its account or its call has another one.
--
-- named_key  `mark` is a keyed digest of the key; empty, where the record names none. Of whom there is none, the record names
--            what the call that stands goes to, or else what the account has.

CREATE TABLE named_key (
    customer INTEGER NOT NULL REFERENCES customer (id),
    provider INTEGER NOT NULL,
    mark     BLOB NOT NULL CHECK (length(mark) = 0 OR length(mark) = 16),
    PRIMARY KEY (customer, provider)
) STRICT, WITHOUT ROWID;
