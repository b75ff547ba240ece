-- Version 16: what a record said that was turned away whole, because of its key or of one value, and that the provider does not
-- have. The next record may mend what it was turned away for, and say nothing of the rest, which nobody would be told of.
--
-- untaken  `fields` are codes of fields, packed like those that are left out of an account (skipped). Somebody who never had an
--          account has no row in `account`. Customers may be written after what is said of them (blocks).

CREATE TABLE untaken (
    customer INTEGER NOT NULL REFERENCES customer (id) DEFERRABLE INITIALLY DEFERRED,
    provider INTEGER NOT NULL,
    fields   BLOB NOT NULL CHECK (length(fields) > 0),
    PRIMARY KEY (customer, provider)
) STRICT, WITHOUT ROWID;
